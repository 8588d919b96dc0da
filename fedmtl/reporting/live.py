"""A run on a terminal while it goes on: rounds, time left, and how every client is doing."""

from __future__ import annotations

import time

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from fedmtl.reporting.curve import CurveKey
from fedmtl.reporting.events import Event
from fedmtl.reporting.history import History
from fedmtl.reporting.units import duration, number, size

STATES = {"train": "trained", "evaluate": "evaluated", "failure": "failed"}
STYLES = {"waiting": "dim", "trained": "cyan", "evaluated": "green", "failed": "bold red"}
SHARE = 0.05
"""Of the run's time, what redrawing between rounds takes at most: many clients are redrawn less often."""


class LiveView:
    """A listener that redraws in place: at the end of every round, and between as often as is cheap.

    It draws after an event and never from a thread: the history must not change while it is drawn.
    """

    def __init__(self, console: Console, history: History) -> None:
        self.history = history
        self.states: dict[str, str] = {}
        self._round = 0
        self._due = 0.0
        self._live = Live(console=console, auto_refresh=False)

    def __call__(self, event: Event) -> None:
        """Take in the next event."""
        self.history.add(event)
        if event["event"] in STATES:
            if event["round"] != self._round:
                self._round, self.states = event["round"], {}
            self.states[event["client"]] = STATES[event["event"]]
        if event["event"] in ("start", "resume", "round", "finish") or time.monotonic() > self._due:
            self._draw()

    def close(self) -> None:
        """Draw the last state and give the terminal back."""
        if self._live.is_started:
            self._draw()
            self._live.stop()

    def _draw(self) -> None:
        began = time.monotonic()
        if not self._live.is_started:
            self._live.start()
        self._live.update(render(self.history, self.states), refresh=True)
        ended = time.monotonic()
        self._due = ended + (ended - began) / SHARE


def render(history: History, states: dict[str, str]) -> RenderableType:
    """The display: a bar of rounds, a line a client, the failures of this round and the last."""
    failures = [
        Text(f"round {failure.round}: {failure.client} failed to {failure.phase}: {failure.error}", "red")
        for failure in history.failures
        if failure.round >= history.last_round
    ]
    return Group(_header(history), *failures, _clients(history, states))


def seconds_left(history: History) -> float | None:
    """Time that the remaining rounds take if they are like the latest five; None before the first is over."""
    latest = [info.seconds for _, info in sorted(history.rounds.items())[-5:]]
    if not latest:
        return None
    return (history.total_rounds - history.last_round) * sum(latest) / len(latest)


def _header(history: History) -> RenderableType:
    left = seconds_left(history)
    if history.status != "running":
        state = f"{history.status} after {duration(history.seconds)}"
    else:
        state = "first round" if left is None else f"{duration(left)} left"
    traffic = sum(info.bytes_up + info.bytes_down for info in history.rounds.values())
    header = Table.grid(padding=(0, 2))
    header.add_row(
        Text(history.name, "bold"),
        Text(history.method),
        ProgressBar(total=max(history.total_rounds, 1), completed=history.last_round, width=30),
        f"round {history.last_round}/{history.total_rounds}",
        state,
        size(traffic),
    )
    return header


def _clients(history: History, states: dict[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("client", "state", "task"):
        table.add_column(column, no_wrap=True)
    for column in ("loss", "validation"):
        table.add_column(column, no_wrap=True, justify="right")
    table.add_column(no_wrap=True)
    for client in history.clients:
        state = states.get(client, "waiting")
        heading = (client, Text(state, STYLES[state]))
        for task in history.measured_tasks(client) or [""]:
            table.add_row(*heading, task, _loss(history, client, task), *_validation(history, client, task))
            heading = ("", Text())
    return table


def _loss(history: History, client: str, task: str) -> str:
    curve = history.curves.get(client, {}).get(CurveKey(task, "loss", "train"))
    return number(curve.final.value) if curve and curve.final else ""


def _validation(history: History, client: str, task: str) -> tuple[str, Text]:
    """The primary metric, and an arrow for its last step, green where it is for the better."""
    found = history.primary(client, task)
    if found is None or found[1].final is None:
        return "", Text()
    metric, curve = found
    symbol = history.unit(task, metric)
    latest = [point.value for point in curve.points[-2:]]
    change = latest[-1] - latest[0]
    step = number(abs(change), symbol)
    if step == number(0.0, symbol):
        arrow = Text()
    else:
        better = (change > 0) == curve.higher_is_better
        arrow = Text(f"{'↑' if change > 0 else '↓'} {step}", "green" if better else "red")
    return f"{metric} {number(latest[-1], symbol)} {symbol:<2}", arrow
