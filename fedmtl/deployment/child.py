"""A process of ours: started in a session of its own, found ready, and stopped with all that it started."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from types import TracebackType

from fedmtl.deployment import tied
from fedmtl.errors import RunError

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.1


@dataclass(frozen=True)
class Program:
    """What to start, and how to tell that it works.

    Attributes:
        name: in messages, and in others' `needs`.
        environment: added to ours.
        log: the file that its output is appended to.
        is_ready: whether it can be used yet; asked every now and then until it says so.
        ready_seconds: how long that may take.
        stop_seconds: how long it has to end after SIGTERM, before SIGKILL.
        rest_seconds: the least time between its end and its next start.
        needs: names of programs without which a supervisor neither starts it nor leaves it running.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    is_ready: Callable[[], bool]
    ready_seconds: float = 60.0
    stop_seconds: float = 15.0
    rest_seconds: float = 0.0
    needs: Sequence[str] = ()


class Child:
    """One process of a program at a time. As a context manager it is ready inside the block, and stopped after it."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Child:
        try:
            self.start()
            self.wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """Of the process, which also leads its session; None where there is none."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the process; on Linux it ends with the thread that calls this."""
        program = self.program
        launcher = [sys.executable, "-I", "-S", str(tied.__file__), str(os.getpid())]
        program.log.parent.mkdir(parents=True, exist_ok=True)
        with program.log.open("ab") as output:
            self._process = subprocess.Popen(
                [*launcher, *program.command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **program.environment},
                start_new_session=True,
            )

    def exit_code(self) -> int | None:
        """The code that the process ended with by itself, negative for a signal; None while it runs."""
        return None if self._process is None else self._process.poll()

    def check(self) -> None:
        """Raises RunError where the process has ended by itself."""
        if (code := self.exit_code()) is not None:
            raise RunError(f"{self.program.name} ended with code {code}; see {self.program.log}")

    def wait_until_ready(self) -> None:
        """Raises RunError where the process ends, or is not ready in time."""
        deadline, pause = time.monotonic() + self.program.ready_seconds, Event()
        while not self.program.is_ready():
            self.check()
            if time.monotonic() > deadline:
                raise RunError(f"{self.not_ready}; see {self.program.log}")
            pause.wait(POLL_SECONDS)
        self.check()  # who is ready may be another

    @property
    def not_ready(self) -> str:
        """What to say of it when it is not ready in time."""
        return f"{self.program.name} was not ready within {self.program.ready_seconds:g} s"

    def stop(self) -> None:
        """SIGTERM to the whole session, and SIGKILL to what is left after a while."""
        if self._process is None:
            return
        _signal_session(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(self.program.stop_seconds)
        except subprocess.TimeoutExpired:
            logger.warning(
                "%s did not end within %g s of SIGTERM and is killed",
                self.program.name,
                self.program.stop_seconds,
            )
        finally:
            _signal_session(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


def _signal_session(leader: int, number: signal.Signals) -> None:
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        return
