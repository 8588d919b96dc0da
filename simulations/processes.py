"""Server processes on loopback: started, found ready, and stopped with all that they started."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Event
from types import TracebackType

import grpc

from fedmtl.errors import RunError

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"
READY_SECONDS = 60.0
STOP_SECONDS = 15.0
_SERVING = b"\x08\x01"
"""A HealthCheckResponse of grpc.health.v1 with status SERVING."""


def free_port() -> int:
    """A port of the loopback interface that nobody uses."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class ServerProcess:
    """A process with a gRPC health service, in a session of its own; use it as a context manager.

    Args:
        log: the file that takes its output.
        health_port: where it answers grpc.health.v1.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], log: Path, health_port: int
    ) -> None:
        self.log = log
        self._command = command
        self._environment = {**os.environ, **environment}
        self._health = f"{HOST}:{health_port}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> ServerProcess:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=True,
            )
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """SIGTERM to the whole session, and SIGKILL to what is left after a while."""
        if self._process is None:
            return
        _signal_session(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            name = Path(self._command[0]).name
            logger.warning("%s did not end within %g s of SIGTERM and is killed", name, STOP_SECONDS)
        finally:
            _signal_session(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def check(self) -> None:
        """Raises RunError where the process has ended by itself."""
        if self._process is not None and self._process.poll() is not None:
            name = Path(self._command[0]).name
            raise RunError(f"{name} ended with code {self._process.returncode}; see {self.log}")

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline, pause = time.monotonic() + READY_SECONDS, Event()
        with grpc.insecure_channel(self._health) as channel:
            ask: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(
                "/grpc.health.v1.Health/Check"
            )
            while True:
                self.check()
                try:
                    if ask(b"", timeout=1.0) == _SERVING:
                        return
                except grpc.RpcError:
                    pause.wait(0.1)
                if time.monotonic() > deadline:
                    name = Path(self._command[0]).name
                    raise RunError(f"{name} was not ready within {READY_SECONDS:g} s; see {self.log}")


def _signal_session(leader: int, number: signal.Signals) -> None:
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        return
