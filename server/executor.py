"""The process that carries out runs: it takes ServerApp tasks from SuperLink, and starts Flower's process for each.

In place of flower-superexec, which starts any app of any kind: here a task must be of a run that the keeper submitted,
with the app that fedmtl ships. Whoever else reaches the control API gets nothing executed.

Usage: python -m server.executor SERVER_FOLDER
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event

import httpx
from flwr.common.constant import SubStatus
from flwr.proto.runtime_pb2 import AcquireTaskRequest, PushTaskOutputRequest
from flwr.proto.task_pb2 import Task
from flwr.supercore.constant import TaskType
from flwr.supercore.interceptors import (
    RuntimeTokenHttpInterceptor,
    RuntimeVersionHttpInterceptor,
    SuperExecAuthHttpInterceptor,
)
from flwr.supercore.protobuf.client import ProtobufClientInterceptor
from flwr.supercore.runtime import RuntimeHttpClient

from fedmtl.deployment.child import Child, Program
from fedmtl.deployment.files import PRIVATE, write_file
from fedmtl.deployment.log_rotation import rotate
from fedmtl.deployment.readiness import HOST
from fedmtl.deployment.run_state import deployed_runs, read_run_state
from fedmtl.deployment.server_folder import ServerFolder
from fedmtl.deployment.supervision import stopped_by_signals
from server.control import shipped_app
from server.loopback import Loopback

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.5
STOP_SECONDS = 10.0
"""How long a ServerApp has to end after SIGTERM."""
KEEPER_SECONDS = 5.0
"""How long after a run's start the keeper may take to note it down."""


class Executor:
    """Carries out one run at a time.

    Args:
        address: host:port of SuperLink.
        is_ours: whether the keeper submitted the run with this id of Flower's.
        folder: the server's, for its logs and, for tokens, its state.
    """

    def __init__(
        self, address: str, loopback: Loopback, is_ours: Callable[[int], bool], folder: ServerFolder
    ) -> None:
        self._address, self._loopback, self._is_ours = address, loopback, is_ours
        self._token_file = folder.state / "serverapp.token"
        self._working = Child(
            Program(
                "serverapp",
                [
                    str(Path(sys.executable).with_name("flwr-serverapp")),
                    *("--runtime-api-address", address),
                    *("--root-certificates", str(loopback.certificate)),
                    # A file, because everybody on this machine sees a command line.
                    *("--token-file", str(self._token_file)),
                ],
                {},
                folder.logs / "serverapp.log",
                lambda: True,
                stop_seconds=STOP_SECONDS,
            )
        )
        secret = loopback.secret.read_bytes()
        self._tasks = self._client(
            SuperExecAuthHttpInterceptor(
                master_secret=secret, protected_methods=frozenset({"/flwr.proto.Runtime/AcquireTask"})
            )
        )

    def step(self) -> None:
        """Take a task if there is one, and start it, or refuse it."""
        if self._working.exit_code() is not None:
            self._working.stop()  # what is left of it
        rotate(self._working.program.log)
        answer = self._tasks.AcquireTask(AcquireTaskRequest(supported_task_types=[TaskType.SERVER_APP]))
        if not (answer.HasField("task") and answer.token):
            return
        if why := self._refusal(answer.task):
            logger.warning("run %d is refused: %s", answer.task.run_id, why)
            self._fail(answer.token, why)
            return
        self.stop()
        self._start(answer.token)
        logger.info("run %d is begun", answer.task.run_id)

    def stop(self) -> None:
        """End the ServerApp, if one works. Flower's takes the first SIGTERM to heart, and dies at once of a second."""
        self._working.stop()

    def _refusal(self, task: Task) -> str:
        """Why this task is not carried out; empty if it is."""
        if task.fab_hash != shipped_app().hash_str:
            return "its app is not the one that fedmtl ships"
        deadline, pause = time.monotonic() + KEEPER_SECONDS, Event()
        while not self._is_ours(task.run_id):
            if time.monotonic() > deadline:
                return "the keeper did not submit it"
            pause.wait(POLL_SECONDS)
        return ""

    def _fail(self, token: str, why: str) -> None:
        with self._client(RuntimeTokenHttpInterceptor(token)) as client:
            client.PushTaskOutput(
                PushTaskOutputRequest(sub_status=SubStatus.FAILED, details=f"refused: {why}")
            )

    def _start(self, token: str) -> None:
        write_file(self._token_file, token.encode(), PRIVATE)
        self._working.start()

    def _client(self, authentication: ProtobufClientInterceptor) -> RuntimeHttpClient:
        return RuntimeHttpClient.from_server_address(
            server_address=self._address,
            insecure=False,
            root_certificates=self._loopback.certificate.read_bytes(),
            interceptors=[RuntimeVersionHttpInterceptor(component_name="fedmtl"), authentication],
        )


def main(folder: ServerFolder) -> None:
    """Carry out runs until SIGTERM."""

    def is_ours(flower_run: int) -> bool:
        return flower_run in {read_run_state(run).flower_run for run in deployed_runs(folder.runs)}

    address = f"{HOST}:{folder.federation.server.superlink_port}"
    executor = Executor(address, Loopback(folder.state), is_ours, folder)
    with stopped_by_signals() as stop:
        while not stop.wait(POLL_SECONDS):
            try:
                executor.step()
            except httpx.HTTPError as error:
                logger.warning("SuperLink does not answer: %s", error)
    executor.stop()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    main(ServerFolder(Path(sys.argv[1])))
