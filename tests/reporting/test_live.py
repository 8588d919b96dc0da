import io

import pytest
from rich.console import Console

from fedmtl.reporting.events import Event, read_events
from fedmtl.reporting.history import History
from fedmtl.reporting.live import LiveView, render, seconds_left
from tests.reporting import synthetic


def _picture(history: History, states=None) -> list[str]:
    console = Console(width=120, force_terminal=False)
    with console.capture() as capture:
        console.print(render(history, states or {}))
    return capture.get().splitlines()


def _until(log_path, number: int) -> list[Event]:
    return [event for event in read_events(log_path)[:-1] if event["round"] <= number]


def test_header_and_every_client(log_path):
    lines = _picture(History.of(_until(log_path, 5)), {"room-0": "trained"})
    assert "three-worlds" in lines[0]
    assert "round 5/20" in lines[0]
    assert "left" in lines[0]
    rows = [line.split()[0] for line in lines if line[:1] not in (" ", "")]
    assert set(synthetic.CLIENTS) <= set(rows)
    room = next(line for line in lines if line.startswith("room-0"))
    assert "trained" in room
    assert "rmse" in room
    assert "↓" in room or "↑" in room


def test_arrow_is_the_step_from_the_measurement_before(log_path):
    history = History.of(_until(log_path, 5))
    before, last = [point.value for point in history.primary("street-0", "semseg")[1].points[-2:]]
    line = next(line for line in _picture(history) if "semseg" in line)
    assert f"{'↑' if last > before else '↓'} {abs(last - before):.1f}" in line


def test_failure_of_the_last_round_is_shown_and_an_old_one_is_not(log_path):
    assert any(
        "round 7: street-2 failed to train" in line for line in _picture(History.of(_until(log_path, 7)))
    )
    assert not any("round 7:" in line for line in _picture(History.of(_until(log_path, 9))))


def test_time_left_is_that_of_the_latest_rounds(log_path):
    assert seconds_left(History.of(_until(log_path, 0))) is None
    history = History.of(_until(log_path, 8))
    latest = [history.rounds[r].seconds for r in range(4, 9)]
    assert seconds_left(history) == pytest.approx(12 * sum(latest) / 5)


def _first(events, name: str, number: int) -> int:
    return next(i for i, event in enumerate(events) if (event["event"], event["round"]) == (name, number))


def _last_picture(events) -> str:
    console = Console(file=io.StringIO(), force_terminal=True, width=120, color_system=None)
    view = LiveView(console, History())
    for event in events:
        view(event)
    view.close()
    return console.file.getvalue().split("three-worlds")[-1]


def test_state_is_of_the_current_round(log_path):
    events = read_events(log_path)[: _first(read_events(log_path), "train", 7) + 1]
    words = [line.split() for line in _last_picture(events).splitlines()]
    states = {word[0]: word[1] for word in words if word and word[0] in synthetic.CLIENTS}
    assert states.pop("people-0") == "trained"
    assert set(states.values()) == {"waiting"}


def test_closing_draws_what_came_last(log_path):
    events = read_events(log_path)
    cut = _first(events, "evaluate", 1)
    assert "evaluated" not in _last_picture(events[:cut])
    assert "evaluated" in _last_picture(events[: cut + 1])
