"""Programs that are kept running: their order, their pauses, and their end."""

import os
import signal
import sys
import time
from threading import Event, Thread

import pytest

from fedmtl.deployment import supervision
from fedmtl.deployment.child import Program
from fedmtl.deployment.supervision import Supervisor, stopped_by_signals
from tests.deployment.test_child import FOREVER, await_end


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(supervision, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(supervision, "FIRST_PAUSE", 0.05)


def program(folder, name, code, is_ready=lambda: True, **settings):
    return Program(name, [sys.executable, "-c", code], {}, folder / f"{name}.log", is_ready, **settings)


class Running:
    """A supervisor in a thread of its own that outlives its programs."""

    def __init__(self, *programs):
        self.supervisor, self.stop = Supervisor(programs), Event()
        self.thread = Thread(target=self.supervisor.run, args=(self.stop,))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(20)
        assert not self.thread.is_alive()

    def until(self, holds):
        deadline, pause = time.monotonic() + 15, Event()
        while not holds(self.supervisor.conditions()):
            assert time.monotonic() < deadline, self.supervisor.conditions()
            pause.wait(0.02)
        return self.supervisor.conditions()


def test_a_program_starts_when_those_before_it_are_ready_and_the_last_stops_first(tmp_path):
    gate, order = tmp_path / "gate", tmp_path / "order"
    code = (
        "import signal, sys, threading\n"
        "def end(*_):\n"
        f"    open({str(order)!r}, 'a').write(sys.argv[1])\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "print('ready', flush=True)\n"
        "threading.Event().wait(60)\n"
    )

    def made(name, and_also=lambda: True):
        log = tmp_path / f"{name}.log"
        command = [sys.executable, "-c", code, name]
        return Program(
            name, command, {}, log, lambda: log.exists() and "ready" in log.read_text() and and_also()
        )

    with Running(made("a", gate.exists), made("b")) as running:
        running.until(lambda both: both[0].pid)
        assert running.supervisor.conditions()[1].pid is None
        gate.touch()
        running.until(lambda both: all(each.ready for each in both))
    assert order.read_text() == "ba"


def test_a_program_that_dies_is_started_again_and_nothing_else_is(tmp_path):
    with Running(program(tmp_path, "a", FOREVER), program(tmp_path, "b", FOREVER)) as running:
        first, other = running.until(lambda both: all(each.ready for each in both))
        os.kill(first.pid, signal.SIGKILL)
        again, same = running.until(lambda both: both[0].restarts == 1 and both[0].ready)
        assert again.pid != first.pid
        assert same == other
    await_end(again.pid)


def test_a_program_goes_down_with_the_one_that_it_needs_and_comes_back_after_it(tmp_path):
    gate = tmp_path / "gate"
    gate.touch()
    needed = program(tmp_path, "a", FOREVER, gate.exists)
    needing = program(tmp_path, "b", FOREVER, needs=["a"])
    with Running(needed, needing) as running:
        first, second = running.until(lambda both: all(each.ready for each in both))
        gate.unlink()
        os.kill(first.pid, signal.SIGKILL)
        running.until(lambda both: both[0].restarts == 1 and both[0].pid and not both[1].pid)
        await_end(second.pid)
        gate.touch()
        running.until(lambda both: both[1].restarts == 1 and both[1].ready)


def test_the_pause_before_a_restart_grows_and_says_why(tmp_path):
    with Running(program(tmp_path, "a", "raise SystemExit(3)", lambda: False)) as running:
        began = time.monotonic()
        (condition,) = running.until(lambda one: one[0].restarts == 3 and "code 3" in one[0].trouble)
        assert time.monotonic() - began > 0.05 + 0.1 + 0.2
        assert f"ended with code 3; see {tmp_path / 'a.log'}" in condition.trouble
        assert not condition.ready


def test_a_program_rests_before_it_is_started_again(tmp_path):
    """As a SuperNode must: one that comes back too soon is refused."""
    with Running(program(tmp_path, "a", "pass", lambda: False, rest_seconds=0.7)) as running:
        running.until(lambda one: "code 0" in one[0].trouble)
        ended = time.monotonic()
        running.until(lambda one: one[0].restarts == 1)
        assert time.monotonic() - ended > 0.6


def test_a_program_that_is_not_ready_in_time_is_started_again(tmp_path):
    slow = program(tmp_path, "a", FOREVER, lambda: False, ready_seconds=0.2)
    with Running(slow) as running:
        running.until(lambda one: one[0].restarts == 1)


def test_sigterm_asks_for_the_end():
    with stopped_by_signals() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(5)


def test_a_program_that_does_not_answer_any_more_is_started_again(tmp_path, monkeypatch):
    monkeypatch.setattr(supervision, "ASK_SECONDS", 0.05)
    answers = Event()
    answers.set()
    with Running(program(tmp_path, "deaf", FOREVER, answers.is_set)) as running:
        (first,) = running.until(lambda conditions: conditions[0].ready)
        answers.clear()
        (down,) = running.until(lambda conditions: not conditions[0].ready)
        assert down.trouble.startswith("does not answer any more; see ")
        answers.set()
        (second,) = running.until(lambda conditions: conditions[0].restarts == 1 and conditions[0].ready)
    assert first.pid != second.pid
