import json
import subprocess
import sys
from pathlib import Path

import pytest

from fedmtl.errors import RunError
from fedmtl.reporting.events import MetricsLog, read_events
from tests.reporting import synthetic

FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from fedmtl.reporting.events import MetricsLog
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
path = Path(sys.argv[1])
with MetricsLog(path) as log:
    room = 10 if sys.argv[2] == "truncate" else path.stat().st_size + 10
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    if sys.argv[2] == "truncate":
        log.truncate_after(1)
    log.append({"event": "resume", "round": 1})
"""
ROUND = {"event": "round", "seconds": 1.0, "clients": 2, "failed": 0, "bytes_up": 10, "bytes_down": 20}
METRIC = {
    "event": "metric",
    "round": 1,
    "client": None,
    "task": "depth",
    "metric": "rmse",
    "split": "val",
    "primary": True,
    "higher_is_better": False,
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "metrics.jsonl"


def test_what_is_appended_is_read(path):
    events = [event for event in synthetic.run(rounds=2) if event["event"] != "metric"]
    with MetricsLog(path) as log:
        for event in events:
            log.append(event)
    assert read_events(path) == events


def test_every_line_is_on_disk_before_listeners_hear(path):
    heard = []
    log = MetricsLog(path, listeners=[lambda event: heard.append((event, read_events(path)[-1]))])
    for number in (1, 2):
        log.append({**ROUND, "round": number})
    log.close()
    assert [event["round"] for event, _ in heard] == [1, 2]
    assert all(event == written for event, written in heard)


def test_events_get_a_time_in_utc(path):
    with MetricsLog(path) as log:
        log.append({**ROUND, "round": 1})
    assert read_events(path)[0]["time"].endswith("+00:00")


@pytest.mark.parametrize(
    ("value", "written"), [(float("nan"), None), (float("inf"), None), (None, None), (0.5, 0.5)]
)
def test_metric_that_is_not_finite_becomes_null(path, value, written):
    heard = []
    with MetricsLog(path, listeners=[heard.append]) as log:
        log.append({**METRIC, "value": value})
    assert read_events(path)[0]["value"] == heard[0]["value"] == written


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"event": "metrc", "round": 1}, "did you mean 'metric'"),
        ({"round": 1}, "unknown event 'None'"),
        ({"event": "checkpoint", "round": 1}, "lacks bytes, seconds"),
        ({**ROUND, "round": 1, "seconds": float("nan")}, "JSON"),
        ({**ROUND, "round": {1}}, "JSON"),
    ],
)
def test_wrong_event_is_refused_and_not_written(path, event, message):
    with MetricsLog(path) as log, pytest.raises(RunError, match=message):
        log.append(event)
    assert read_events(path) == []


def test_torn_last_line_is_dropped_on_reading_and_on_opening(path):
    with MetricsLog(path) as log:
        log.append({**ROUND, "round": 1})
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"event": "round", "rou')
    assert [event["round"] for event in read_events(path)] == [1]
    with MetricsLog(path) as log:
        log.append({**ROUND, "round": 2})
    assert [event["round"] for event in read_events(path)] == [1, 2]


@pytest.mark.parametrize("line", ["{torn", "[1]", '{"event": "round"}'])
def test_damaged_line_in_the_middle_is_named(path, line):
    with MetricsLog(path) as log:
        log.append({**ROUND, "round": 1})
    path.write_text(line + "\n" + path.read_text())
    with pytest.raises(RunError, match=r"metrics\.jsonl:1"):
        read_events(path)


def test_missing_file_is_named(path):
    with pytest.raises(RunError, match=r"metrics\.jsonl does not exist"):
        read_events(path)


def test_truncate_keeps_rounds_up_to_the_last_and_appends_after(path):
    with MetricsLog(path) as log:
        for number in (1, 2, 3):
            log.append({**ROUND, "round": number})
        log.truncate_after(2)
        log.append({"event": "resume", "round": 2})
        log.append({**ROUND, "round": 3, "seconds": 7.0})
    events = read_events(path)
    assert [(event["event"], event["round"]) for event in events] == [
        ("round", 1),
        ("round", 2),
        ("resume", 2),
        ("round", 3),
    ]
    assert events[-1]["seconds"] == 7.0
    assert [file.name for file in path.parent.iterdir()] == ["metrics.jsonl"]


def test_truncate_forgets_no_failure(path):
    failure = {"event": "failure", "client": "a", "phase": "train", "error": "a has no power"}
    with MetricsLog(path) as log:
        log.append({**ROUND, "round": 1})
        log.append({**failure, "round": 2})
        log.append({**ROUND, "round": 2})
        log.truncate_after(1)
    assert [(event["event"], event["round"]) for event in read_events(path)] == [("round", 1), ("failure", 2)]


@pytest.mark.parametrize("work", ["append", "truncate"])
def test_a_full_disk_is_told_and_what_was_written_stays_whole(work, path):
    """As far as a limit on a file's size is like a full disk: the write that does not fit fails."""
    with MetricsLog(path) as log:
        log.append({**ROUND, "round": 1})
    failing = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path), work], capture_output=True, text=True, check=False
    )
    assert failing.returncode == 1
    assert failing.stderr.splitlines()[-1].startswith("fedmtl.errors.RunError: ")
    assert "metrics.jsonl cannot be written: File too large" in failing.stderr.splitlines()[-1]
    assert [event["round"] for event in read_events(path)] == [1]
    assert [file.name for file in path.parent.iterdir()] == ["metrics.jsonl"]


def test_text_stays_readable(path):
    with MetricsLog(path) as log:
        log.append({"event": "failure", "round": 1, "client": "Zürich", "phase": "train", "error": "Δ"})
    assert "Zürich" in path.read_text(encoding="utf-8")
    assert json.loads(path.read_text(encoding="utf-8"))["error"] == "Δ"


def test_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        MetricsLog(tmp_path / "file" / "metrics.jsonl")
