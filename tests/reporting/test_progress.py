import io

import pytest
from rich.console import Console

from fedmtl.reporting.events import read_events
from fedmtl.reporting.history import History
from fedmtl.reporting.progress import Progress
from tests.reporting import synthetic


def _shown(events, terminal: bool, history: History | None = None) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=120, color_system=None)
    with Progress(console, history) as progress:
        for event in events:
            progress(event)
    return console.file.getvalue()


def test_terminal_is_redrawn_and_shows_the_end(log_path):
    shown = _shown(read_events(log_path), terminal=True)
    assert "\x1b[" in shown
    assert "round 20/20  finished after" in shown


def test_elsewhere_it_is_plain_lines(log_path):
    shown = _shown(read_events(log_path), terminal=False)
    assert "\x1b" not in shown
    assert shown.count("\nround ") == synthetic.ROUNDS + 2


def test_nothing_is_drawn_before_the_first_event():
    assert _shown([], terminal=True) == ""


@pytest.mark.parametrize("terminal", [True, False])
def test_resumed_run_goes_on_from_its_history(log_path, terminal):
    events = read_events(log_path)
    before = History.of(event for event in events if event["round"] <= 8)
    resume = {"event": "resume", "round": 8, "time": ""}
    shown = _shown([resume, *(event for event in events if event["round"] > 8)], terminal, before)
    assert "three-worlds" in shown
    assert "round 7/20: 7" not in shown
    assert "20/20" in shown
