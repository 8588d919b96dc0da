"""The server of a deployment: SuperLink, the executor and the gateway as processes, and what looks after them."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from logging.handlers import RotatingFileHandler
from pathlib import Path
from threading import Event, Thread

from fedmtl.deployment.child import Program
from fedmtl.deployment.doctor.ports import refuse_taken
from fedmtl.deployment.files import read_file, read_private, remove_partials
from fedmtl.deployment.log_rotation import KEPT, LARGEST
from fedmtl.deployment.readiness import HOST, is_listening, is_serving, loopback_of
from fedmtl.deployment.run_state import now
from fedmtl.deployment.server_folder import ServerFolder
from fedmtl.deployment.server_status import ProcessStatus, ServerStatus, lock_of, write_status
from fedmtl.deployment.supervision import Supervisor, stopped_by_signals
from fedmtl.errors import FedmtlError, RunError
from fedmtl.locking import hold
from server.control import Control
from server.executor import STOP_SECONDS
from server.keeper import Keeper
from server.loopback import Loopback
from server.probes import Probes
from server.run_metrics import RunMetrics
from server.superlink import flower_environment, secured_superlink_command

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
SUPERLINK, EXECUTOR, GATEWAY = "superlink", "executor", "gateway"


def run_server(path: Path) -> None:
    """Run the server of the folder `path` until SIGTERM.

    Raises:
        FedmtlError: the folder is incomplete, a private key is open to others, another server runs on it, or another
            program has one of its ports.
    """
    folder = ServerFolder(path.absolute())
    _check(folder)
    folder.state.mkdir(mode=0o700, exist_ok=True)
    folder.state.chmod(0o700)
    with hold(lock_of(folder), "it is the server already; stop it first"):
        remove_partials(folder.state)
        refuse_taken(folder.federation.server.ports)
        _log_to(folder.logs / "server.log")
        Loopback(folder.state).prepare()
        _Host(folder).run()


class _Host:
    def __init__(self, folder: ServerFolder) -> None:
        self._folder, self._server = folder, folder.federation.server
        self._supervisor = Supervisor(programs(folder))
        loopback = Loopback(folder.state)
        address = f"{HOST}:{self._server.superlink_port}"
        self._control = Control(address, loopback.certificate.read_bytes())
        self._keeper = Keeper(folder, self._control, self._generation)
        self._trouble = "the server has only just started"

    def run(self) -> None:
        server = self._server
        try:
            probes = Probes(
                server.probe_bind,
                server.probe_port,
                self._status,
                self._why_not_ready,
                RunMetrics(self._folder.runs),
            )
        except OSError as error:
            where = f"{server.probe_bind}:{server.probe_port}"
            raise RunError(f"the probe port {where} cannot be opened: {error.strerror}") from error
        with probes, stopped_by_signals() as stop:
            keeping = Thread(target=self._keep, args=(stop,), name="keeper")
            keeping.start()
            logger.info("the server of %s is starting", self._folder.federation.name)
            try:
                self._supervisor.run(stop)
            finally:
                stop.set()
                keeping.join()
            self._keeper.rest()
        logger.info("the server has ended")

    def _keep(self, stop: Event) -> None:
        """Look after nodes and runs; whatever goes wrong is told once, and tried again."""
        told = ""
        while not stop.is_set():
            try:
                self._keeper.look()
                self._trouble = ""
            except FedmtlError as error:
                self._trouble = str(error)
            except Exception as error:
                logger.exception("the keeper failed")
                self._trouble = f"unexpected {type(error).__name__}: {error}"
            if self._trouble and self._trouble != told:
                logger.warning("%s", self._trouble)
            told = self._trouble
            with suppress(RunError):  # the disk is full, which others say
                write_status(self._folder, self._status())
            stop.wait(LOOK_SECONDS)
        self._control.close()  # or SuperLink would wait for this connection's end

    def _generation(self) -> int | None:
        """How often the executor was started again; None while it or SuperLink is not there."""
        conditions = {each.name: each for each in self._supervisor.conditions()}
        executor = conditions[EXECUTOR]
        return executor.restarts if executor.ready and conditions[SUPERLINK].ready else None

    def _status(self) -> ServerStatus:
        processes = tuple(
            ProcessStatus(each.name, each.pid, each.ready, each.restarts, each.trouble)
            for each in self._supervisor.conditions()
        )
        return ServerStatus(os.getpid(), now(), processes, dict(self._keeper.sites), self._trouble)

    def _why_not_ready(self) -> str:
        if not is_serving(self._server.health_port):
            return "SuperLink's health service does not say SERVING"
        if not _gateway_is_up(self._folder):
            return "the gateway does not listen"
        return self._trouble


def programs(folder: ServerFolder) -> list[Program]:
    """The server's processes, in the order of their start."""
    server, loopback = folder.federation.server, Loopback(folder.state)
    environment = {**flower_environment(folder.state / "flwr"), "PYTHONUNBUFFERED": "1"}
    superlink = secured_superlink_command(
        server.superlink_port,
        server.health_port,
        certificate=loopback.certificate,
        private_key=loopback.private_key,
        secret=loopback.secret,
        database=folder.state / "superlink.db",
    )

    def program(
        name: str,
        command: list[str],
        is_ready: Callable[[], bool],
        stop_seconds: float,
        needs: Sequence[str] = (),
    ) -> Program:
        log = folder.logs / f"{name}.log"
        return Program(name, command, environment, log, is_ready, stop_seconds=stop_seconds, needs=needs)

    def ours(module: str) -> list[str]:
        return [sys.executable, "-m", module, str(folder.path)]

    return [
        program(SUPERLINK, superlink, lambda: is_serving(server.health_port), 5.0),
        program(EXECUTOR, ours("server.executor"), lambda: True, STOP_SECONDS + 2, [SUPERLINK]),
        program(GATEWAY, ours("server.gateway_process"), lambda: _gateway_is_up(folder), 5.0),
    ]


def _gateway_is_up(folder: ServerFolder) -> bool:
    server = folder.federation.server
    return is_listening(server.port, loopback_of(server.bind))


def _check(folder: ServerFolder) -> None:
    """Raises ConfigError where the folder cannot serve."""
    _ = folder.federation
    for path in (folder.certificate, folder.ca):
        read_file(path)
    read_private(folder.private_key)


def _log_to(path: Path) -> None:
    """What this process says goes to `path` as well as to standard error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    formatter = logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    formatter.converter = time.gmtime
    for handler in (logging.StreamHandler(), RotatingFileHandler(path, maxBytes=LARGEST, backupCount=KEPT)):
        handler.setFormatter(formatter)
        for package in ("server", "fedmtl"):
            log = logging.getLogger(package)
            log.addHandler(handler)
            log.setLevel(logging.INFO)
            log.propagate = False
