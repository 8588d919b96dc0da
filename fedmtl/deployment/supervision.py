"""Keeping programs running: started in order, started again with growing pauses, and stopped in reverse order."""

from __future__ import annotations

import logging
import math
import signal
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event
from types import FrameType

from fedmtl.deployment.child import Child, Program
from fedmtl.deployment.log_rotation import rotate

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25
FIRST_PAUSE = 0.5
"""Seconds before a program is started again for the first time; doubled each time, up to LONGEST_PAUSE."""
LONGEST_PAUSE = 60.0
STEADY_SECONDS = 120.0
"""A program that ran so long has recovered: its next pause is the first again."""
ASK_SECONDS = 10.0
"""Between questions to a program that was ready whether it still is."""
MOST_MISSED = 3
"""Times in a row that a program may not be ready before it is started again: a SuperNode whose main thread died
stays there, deaf."""


@dataclass(frozen=True)
class Condition:
    """How a supervised program is doing.

    Attributes:
        pid: None while it does not run.
        restarts: how often it was started again.
        trouble: why it is not ready, if it is not.
    """

    name: str
    pid: int | None
    ready: bool
    restarts: int
    trouble: str


class Supervisor:
    """Keeps programs running until it is told to stop.

    A program is first started when those before it are ready. After that, each is on its own but for its `needs`,
    which are programs before it.
    """

    def __init__(self, programs: Sequence[Program]) -> None:
        self._kept = [_Kept(Child(program)) for program in programs]

    def run(self, stop: Event) -> None:
        """Keep the programs running until `stop` is set, then stop them, the last one first.

        To be called in the main thread, or another that lives as long as the process; see `Child.start`.
        """
        try:
            while not stop.is_set():
                ready: set[str] = set()
                for kept in self._kept:
                    kept.look(ready)
                    if kept.ready:
                        ready.add(kept.child.program.name)
                    if not kept.was_ready:
                        break
                stop.wait(POLL_SECONDS)
        finally:
            for kept in reversed(self._kept):
                kept.child.stop()

    def conditions(self) -> list[Condition]:
        """How each program is doing; may be asked in any thread."""
        return [kept.condition() for kept in self._kept]


@contextmanager
def stopped_by_signals() -> Iterator[Event]:
    """An event that SIGTERM and SIGINT set; main thread only."""
    stop = Event()

    def tell(number: int, frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, tell) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass
class _Kept:
    """One program, and what became of it so far."""

    child: Child
    was_ready: bool = False
    ready: bool = False
    restarts: int = -1
    trouble: str = "not started yet"
    pause: float = FIRST_PAUSE
    since: float = field(default=-math.inf)
    """When it was started, or, while it does not run, when it ended."""
    asked: float = field(default=-math.inf)
    """When it was last asked whether it is still ready."""
    missed: int = 0

    def look(self, ready: Collection[str]) -> None:
        """Start it if it is due, and see whether it is ready, and still there; `ready` are those before it."""
        program, now = self.child.program, time.monotonic()
        rotate(program.log)
        lacking = [name for name in program.needs if name not in ready]
        if self.child.pid is None:
            if not lacking and now - self.since >= max(self.pause, program.rest_seconds):
                self.child.start()
                self.restarts, self.since, self.trouble = self.restarts + 1, now, "starting"
        elif (code := self.child.exit_code()) is not None:
            self._down(f"ended with code {code}")
        elif lacking:
            self._down(f"needs {lacking[0]}, which is not ready")
        elif not self.ready:
            if program.is_ready():
                self.ready = self.was_ready = True
                self.trouble, self.asked, self.missed = "", now, 0
                logger.info("%s is ready (pid %s)", program.name, self.child.pid)
            elif now - self.since > program.ready_seconds:
                self._down(self.child.not_ready)
        elif now - self.asked >= ASK_SECONDS:
            self.asked, self.missed = now, 0 if program.is_ready() else self.missed + 1
            if self.missed >= MOST_MISSED:
                self._down("does not answer any more")

    def _down(self, why: str) -> None:
        program, now = self.child.program, time.monotonic()
        steady = self.ready and now - self.since > STEADY_SECONDS
        self.pause = FIRST_PAUSE if steady or self.restarts == 0 else min(2 * self.pause, LONGEST_PAUSE)
        wait = max(self.pause, program.rest_seconds)
        self.trouble, self.ready = f"{why}; see {program.log}", False
        logger.warning("%s %s; it is started again in %g s", program.name, self.trouble, wait)
        self.child.stop()  # what it had started
        self.since = time.monotonic()

    def condition(self) -> Condition:
        return Condition(
            self.child.program.name, self.child.pid, self.ready, max(self.restarts, 0), self.trouble
        )
