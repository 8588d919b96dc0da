"""The default engine: a Flower grid that calls the ClientApp in this very process.

No start-up cost, breakpoints work, and a reply is computed when it is pulled, so that a round holds one at a time.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from flwr.app import Context, Error, Message, RecordDict
from flwr.app.user_config import UserConfig
from flwr.clientapp import ClientApp
from flwr.common.constant import SUPERLINK_NODE_ID, ErrorCode
from flwr.serverapp import Grid
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity

from clients.app import app as client_app
from clients.app import forget_participants
from fedmtl.data import expand_copies
from fedmtl.reporting.events import Listener, MetricsLog
from fedmtl.run_directory import RunDirectory
from server.rounds import run_rounds

TASK_ID = 1


def run_inprocess(directory: RunDirectory, listeners: Sequence[Listener] = ()) -> None:
    """Run, or go on with, the run in `directory`; see `simulations.engines.run`."""
    nodes = len(expand_copies(directory.scenario.clients))
    run_on_grid(
        InProcessGrid(client_app, nodes, {"run-dir": str(directory.path.absolute())}), directory, listeners
    )


def run_on_grid(grid: InProcessGrid, directory: RunDirectory, listeners: Sequence[Listener] = ()) -> None:
    """Run, or go on with, the run in `directory` on a grid of this process."""
    try:
        with directory.lock(), MetricsLog(directory.metrics, listeners) as log:
            run_rounds(grid, directory, log, "inprocess")
    finally:
        forget_participants()


class InProcessGrid(Grid):
    """A grid of `nodes` clients that are computed one after another.

    Args:
        run_config: what every client's context carries, as in `flwr run --run-config`.
    """

    def __init__(self, client_app: ClientApp, nodes: int, run_config: UserConfig) -> None:
        self._app = client_app
        self._pending: OrderedDict[str, Message] = OrderedDict()
        self._run = Run.create_empty(secrets.randbits(63))
        self._contexts = {
            node: Context(
                run_id=self._run.run_id,
                node_id=node,
                node_config={"partition-id": partition, "num-partitions": nodes},
                state=RecordDict(),
                run_config=run_config,
            )
            for partition, node in enumerate(range(SUPERLINK_NODE_ID + 1, SUPERLINK_NODE_ID + 1 + nodes))
        }
        self.set_run(self._run)

    def set_run(self, run: Run) -> None:
        self._run = run
        # Flower's messages take their sender from here.
        TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = (
            run.run_id,
            SUPERLINK_NODE_ID,
            TASK_ID,
        )

    @property
    def run(self) -> Run:
        return self._run

    def create_message(
        self,
        content: RecordDict,
        message_type: str,
        dst_node_id: int,
        group_id: str,
        ttl: float | None = None,
    ) -> Message:
        return Message(content, dst_node_id, message_type, ttl=ttl, group_id=group_id)

    def get_node_ids(self) -> Iterable[int]:
        return list(self._contexts)

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        ids = []
        for message in messages:
            message_id = secrets.token_hex(16)
            message.metadata.__dict__["_message_id"] = message_id
            self._pending[message_id] = message
            ids.append(message_id)
        return ids

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        """Compute the first of these messages that is still open, and return its reply alone."""
        wanted = set(message_ids)
        for message_id in self._pending:
            if message_id in wanted:
                return [self._reply(self._pending.pop(message_id))]
        return []

    def send_and_receive(
        self, messages: Iterable[Message], *, timeout: float | None = None
    ) -> Iterable[Message]:
        ids = list(self.push_messages(messages))
        return [reply for _ in ids for reply in self.pull_messages(ids)]

    def _reply(self, message: Message) -> Message:
        context = self._contexts[message.metadata.dst_node_id]
        try:
            return self._app(message, context)
        except Exception as error:
            # What Flower's runtimes answer for a ClientApp that raises; the run goes on without this client.
            reason = f"{type(error).__name__}: {error}"
            return Message(Error(ErrorCode.CLIENT_APP_RAISED_EXCEPTION, reason), reply_to=message)
