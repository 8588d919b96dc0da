import io

from rich.console import Console

from fedmtl.reporting.events import read_events
from fedmtl.reporting.history import History
from fedmtl.reporting.lines import RoundLines
from tests.reporting import synthetic


def _lines(events) -> list[str]:
    console = Console(file=io.StringIO(), width=40, force_terminal=False)
    view = RoundLines(console, History())
    for event in events:
        view(event)
    view.close()
    return console.file.getvalue().splitlines()


def test_one_line_a_round_a_failure_and_at_both_ends(log_path):
    lines = _lines(read_events(log_path))
    assert len(lines) == synthetic.ROUNDS + 2 + 2
    assert lines[0] == "three-worlds: fedavg with 8 clients"
    assert lines[-1].startswith("three-worlds: finished after 4 min")


def test_round_says_what_it_measured_and_cost(log_path):
    line = next(line for line in _lines(read_events(log_path)) if line.startswith("round 7/20: 7"))
    for expected in ("7 clients, 1 failed", "depth rmse 0.", " m ·", "up 32.8 MB, down 34.4 MB"):
        assert expected in line


def test_failure_is_named(log_path):
    lines = _lines(read_events(log_path))
    assert (
        "round 7/20: street-2 failed to train: its loss was not finite at step 12: lower training.lr" in lines
    )


def test_round_without_evaluation_has_no_metrics(log_path):
    events = [event for event in read_events(log_path) if event["event"] != "metric" or event["round"] != 2]
    line = next(line for line in _lines(events) if line.startswith("round 2/20"))
    assert "rmse" not in line


def test_resume(log_path):
    events = [*read_events(log_path)[:1], {"event": "resume", "round": 4, "time": ""}]
    assert _lines(events)[-1] == "three-worlds: resumed after round 4/20"


def test_markup_in_an_error_is_left_alone():
    failure = {"event": "failure", "round": 1, "client": "a", "phase": "train", "error": "[red]", "time": ""}
    assert _lines([failure]) == ["round 1/0: a failed to train: [red]"]
