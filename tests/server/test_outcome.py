"""How a submission ended: the run's own log knows best."""

import pytest

from fedmtl.reporting.events import MetricsLog
from server.control import FlowerRun
from server.outcome import Outcome, Verdict, judge

SINCE = "2030-01-01T12:00:00.000+00:00"
BEFORE, AFTER = "2030-01-01T11:00:00.000+00:00", "2030-01-01T13:00:00.000+00:00"
FAILED = FlowerRun(finished=True, completed=False, details="ServerApp failed with exception: x")


def judged(tmp_path, run=FAILED, time=AFTER, **finish):
    with MetricsLog(tmp_path / "metrics.jsonl") as log:
        log.append({"event": "resume", "round": 1})
        log.append({"event": "finish", "time": time, "round": 2, "seconds": 1.0, **finish})
    return judge(tmp_path / "metrics.jsonl", SINCE, run)


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [
        ("RunError", Verdict.failed),
        ("ConfigError", Verdict.failed),
        ("TypeError", Verdict.failed),
        ("TooFewClientsError", Verdict.waiting),
        ("ConnectionError", Verdict.lost),
        ("MemoryError", Verdict.lost),
        ("ReadTimeout", Verdict.lost),
    ],
)
def test_what_failed_by_itself_has_failed_and_what_happened_to_it_has_not(kind, verdict, tmp_path):
    assert judged(tmp_path, status="failed", error="why", kind=kind) == Outcome(verdict, "why")


def test_the_log_is_believed_before_flower(tmp_path):
    """SuperLink may have died after the last round, before it heard of the end."""
    assert judged(tmp_path, status="finished").verdict is Verdict.finished


def test_an_end_before_the_submission_says_nothing(tmp_path):
    assert judged(tmp_path, time=BEFORE, status="failed", error="old", kind="RunError") == Outcome(
        Verdict.lost, FAILED.details
    )


def test_a_process_that_was_killed_is_lost(tmp_path):
    assert judge(tmp_path / "metrics.jsonl", SINCE, FlowerRun(True, False, "")).verdict is Verdict.lost
    assert judged(tmp_path, status="stopped").verdict is Verdict.lost


def test_what_flower_says_has_completed_is_finished(tmp_path):
    assert judge(tmp_path / "none", SINCE, FlowerRun(True, True, "")) == Outcome(Verdict.finished)
