"""A run as it goes on, for a person or for a log file."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console

from fedmtl.reporting.events import Event
from fedmtl.reporting.history import History
from fedmtl.reporting.lines import RoundLines
from fedmtl.reporting.live import LiveView


class Progress:
    """Shows a run; a listener of a `MetricsLog`, or fed from `follow`. Use it as a context manager.

    On a terminal the display is redrawn in place; elsewhere it is one plain line a round.

    Args:
        console: where to; standard error by default.
        history: what happened before, where a run is resumed; the display goes on to update it.
    """

    def __init__(self, console: Console | None = None, history: History | None = None) -> None:
        console = console or Console(stderr=True)
        view = LiveView if console.is_terminal else RoundLines
        self._view: LiveView | RoundLines = view(console, history or History())

    def __call__(self, event: Event) -> None:
        """Take in the next event."""
        self._view(event)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the last picture standing and give the terminal back."""
        self._view.close()
