"""The log of everything that a site sent."""

import json
from hashlib import sha256

import pytest

from clients.sent_log import BEGINNING, SentLog
from fedmtl.errors import RunError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "sent.jsonl"


def write(path, answers=3):
    """A log of some answers, and the hash of the last."""
    log, head = SentLog(path, 0, ""), ""
    for number in range(1, answers + 1):
        _, head = log.append("run", number, "train", {"backbone": bytes(number), "payload.json": b"{}"})
    return head


def test_a_line_says_what_left_and_follows_the_one_before(path):
    write(path)
    lines = path.read_bytes().splitlines()
    first, second = json.loads(lines[0]), json.loads(lines[1])
    assert first["before"] == BEGINNING
    assert second["before"] == sha256(lines[0]).hexdigest()
    assert (second["run"], second["round"], second["kind"], second["bytes"]) == ("run", 2, "train", 4)
    assert second["parts"] == [
        {"name": "backbone", "bytes": 2, "sha256": sha256(bytes(2)).hexdigest()},
        {"name": "payload.json", "bytes": 2, "sha256": sha256(b"{}").hexdigest()},
    ]


def test_the_next_process_goes_on_with_the_chain(path):
    head = write(path)
    SentLog(path, 3, head).append("run", 4, "train", {})
    assert json.loads(path.read_bytes().splitlines()[3])["before"] == head


def test_a_site_that_was_killed_before_an_answer_left_goes_on_for_good(path):
    """Its line is in the log and not in the ledger, which counts one less from then on."""
    written = write(path, 2)
    SentLog(path, 2, written).append("run", 3, "train", {})  # killed here
    _, left = SentLog(path, 2, written).append("run", 3, "train", {})
    SentLog(path, 3, left)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2] + lines[3:]))
    with pytest.raises(RunError, match="taken out"):
        SentLog(path, 3, left)


def test_it_is_nobody_elses_to_read(path):
    write(path)
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_line_that_was_taken_out_is_seen(number, path):
    head = write(path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:number] + lines[number + 1 :]))
    with pytest.raises(RunError, match="taken out"):
        SentLog(path, 3, head)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_line_that_was_changed_is_seen(number, path):
    head = write(path)
    path.write_bytes(path.read_bytes().replace(b'"round":%d' % number, b'"round":4'))
    with pytest.raises(RunError, match="changed"):
        SentLog(path, 3, head)


def test_a_log_that_is_gone_is_seen(path):
    head = write(path)
    path.unlink()
    with pytest.raises(RunError, match="does not have the 3 answers"):
        SentLog(path, 3, head)


def test_an_answer_of_which_a_crash_kept_the_ledger_from_knowing_is_no_damage(path):
    write(path, answers=2)
    head = sha256(path.read_bytes().splitlines()[0]).hexdigest()
    SentLog(path, 1, head).append("run", 3, "train", {})
    assert len(path.read_bytes().splitlines()) == 3


def test_a_line_that_a_crash_cut_off_was_never_sent_and_goes(path):
    head = write(path)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"time":"20')
    SentLog(path, 3, head)
    assert path.read_bytes() == whole


def test_a_log_that_cannot_be_written_is_an_error_before_anything_leaves(path):
    log = SentLog(path, 0, "")
    path.mkdir()
    with pytest.raises(RunError, match="cannot be written"):
        log.append("run", 1, "train", {})
