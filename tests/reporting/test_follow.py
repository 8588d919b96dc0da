from threading import Event as Flag
from threading import Thread

import pytest

from fedmtl.errors import RunError
from fedmtl.reporting.events import MetricsLog
from fedmtl.reporting.follow import follow

POLL = 0.005


class _Follower:
    """Follows in a thread; `until` waits for so many events."""

    def __init__(self, path) -> None:
        self.path, self.stop = path, Flag()
        self.events, self._more = [], Flag()
        self.thread = Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        for event in follow(self.path, self.stop, POLL):
            self.events.append(event)
            self._more.set()

    def until(self, count: int) -> list[int]:
        while len(self.events) < count:
            assert self._more.wait(5), f"only {self.events}"
            self._more.clear()
        return [event["round"] for event in self.events]

    def end(self) -> list[int]:
        self.stop.set()
        self.thread.join(5)
        assert not self.thread.is_alive()
        return [event["round"] for event in self.events]


def _resume(number: int) -> dict:
    return {"event": "resume", "round": number}


def test_follows_a_file_that_does_not_exist_yet(tmp_path):
    follower = _Follower(tmp_path / "metrics.jsonl")
    with MetricsLog(follower.path) as log:
        log.append(_resume(1))
        assert follower.until(1) == [1]
        log.append(_resume(2))
        assert follower.until(2) == [1, 2]
    assert follower.end() == [1, 2]


def test_tells_what_was_written_before_the_stop(log_path):
    stop = Flag()
    stop.set()
    events = list(follow(log_path, stop))
    assert events[0]["event"] == "start"
    assert events[-1]["event"] == "finish"


def test_waits_for_the_rest_of_a_line(tmp_path):
    path = tmp_path / "metrics.jsonl"
    with MetricsLog(path) as log:
        log.append(_resume(1))
        log.append(_resume(2))
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    follower = _Follower(path)
    assert follower.until(1) == [1]
    with path.open("ab") as file:
        file.write(whole[-5:])
    assert follower.until(2) == [1, 2]
    follower.end()


def test_tells_a_truncated_file_again_from_its_start(tmp_path):
    follower = _Follower(tmp_path / "metrics.jsonl")
    with MetricsLog(follower.path) as log:
        for number in (1, 2, 3):
            log.append(_resume(number))
        follower.until(3)
        log.truncate_after(1)
        log.append(_resume(5))
        assert follower.until(5) == [1, 2, 3, 1, 5]
    follower.end()


def test_damaged_line_is_named(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text("{\n")
    with pytest.raises(RunError, match=r"metrics\.jsonl:1"):
        next(follow(path, Flag()))
