"""The SuperNode's runtime API, as its one executor uses it.

Flower's own executor unpacks and imports the app that comes with a task. This takes the task and its message alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from threading import Event

import httpx
from flwr.app import Message
from flwr.app.message import remove_content_from_message
from flwr.common.constant import SubStatus
from flwr.common.serde import message_from_proto, message_to_proto
from flwr.proto.message_pb2 import ObjectTree
from flwr.proto.node_pb2 import Node
from flwr.proto.runtime_pb2 import (
    AcquireTaskRequest,
    PullAppMessagesRequest,
    PullTaskInputRequest,
    PullTaskInputResponse,
    PushAppMessagesRequest,
    PushTaskOutputRequest,
    SendTaskHeartbeatRequest,
)
from flwr.supercore.constant import TaskType
from flwr.supercore.heartbeat import HeartbeatSender
from flwr.supercore.inflatable.inflatable_object import (
    get_all_nested_objects,
    get_object_tree,
    no_object_id_recompute,
)
from flwr.supercore.inflatable.inflatable_protobuf_utils import (
    make_confirm_message_received_fn_protobuf,
    make_pull_object_fn_protobuf,
    make_push_object_fn_protobuf,
)
from flwr.supercore.inflatable.inflatable_utils import pull_and_inflate_object_from_tree, push_objects
from flwr.supercore.interceptors import (
    RuntimeTokenHttpInterceptor,
    RuntimeVersionHttpInterceptor,
    SuperExecAuthHttpInterceptor,
)
from flwr.supercore.runtime import RuntimeHttpClient

from clients.own_listener import OwnListener

RuntimeErrors = (httpx.HTTPError, ValueError, RuntimeError)
"""What a runtime API raises that is away, or does not know the task any more."""

_ACQUIRE = "/flwr.proto.Runtime/AcquireTask"
_VERSION = RuntimeVersionHttpInterceptor(component_name="fedmtl-worker")


class Runtime:
    """Where tasks come from.

    Args:
        address: host:port, on loopback.
        secret: shared with the SuperNode.
    """

    def __init__(self, address: str, secret: bytes) -> None:
        self._address = address
        proof = SuperExecAuthHttpInterceptor(master_secret=secret, protected_methods={_ACQUIRE})
        self._client = _client(address, proof)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def acquire(self) -> Task | None:
        """The oldest open task, if there is one.

        Raises:
            httpx.HTTPError: the runtime API is away, or does not take the secret.
        """
        # Every type, because one that nobody takes would keep the SuperNode waiting for ever.
        found = self._client.AcquireTask(AcquireTaskRequest(supported_task_types=list(TaskType)))
        if not (found.HasField("task") and found.token):
            return None
        return Task(self._address, found.token, found.task.type, found.task.fab_hash)


class Task:
    """One message that waits for its reply.

    Attributes:
        kind: Flower's type of the task.
        app: the hash of the app that it is for, as the task says.
        lost: set once the runtime API does not know the task any more.
    """

    def __init__(self, address: str, token: str, kind: str, app: str) -> None:
        self.kind, self.app, self.lost = kind, app, Event()
        self._client = _client(address, RuntimeTokenHttpInterceptor(token))

    @contextmanager
    def kept_alive(self) -> Iterator[None]:
        """Tell the SuperNode every now and then that the task is still worked at, until the block ends."""
        sender = HeartbeatSender(self._beat)
        sender.start()
        try:
            yield
        finally:
            sender.stop()
            self._client.close()

    @cached_property
    def _input(self) -> PullTaskInputResponse:
        return self._client.PullTaskInput(PullTaskInputRequest())

    @property
    def bundle(self) -> bytes:
        """The app that the server sent, as it is."""
        return self._input.fab.content

    @cached_property
    def _pulled(self) -> tuple[Message, ObjectTree]:
        pulled = self._client.PullMessages(PullAppMessagesRequest())
        if not pulled.messages_list:
            raise RuntimeError("the task has no message")
        tree = pulled.message_object_trees[0]
        return _identified(message_from_proto(pulled.messages_list[0]), tree), tree

    @property
    def envelope(self) -> Message:
        """The message without its content, enough to be replied to."""
        return self._pulled[0]

    def message(self) -> Message:
        """The message with its content."""
        _, tree = self._pulled
        message = pull_and_inflate_object_from_tree(
            tree,
            make_pull_object_fn_protobuf(self._client.PullObject, self._node, self._run),
            make_confirm_message_received_fn_protobuf(
                self._client.ConfirmMessageReceived, self._node, self._run
            ),
            return_type=Message,
        )
        return _identified(message, tree)

    def answer(self, reply: Message) -> None:
        """Hand the reply to the SuperNode, which sends it; then the task is done."""
        reply.metadata.__dict__["_message_id"] = reply.object_id
        bare = message_to_proto(remove_content_from_message(reply))
        with no_object_id_recompute():
            pushed = self._client.PushMessages(
                PushAppMessagesRequest(messages_list=[bare], message_object_trees=[get_object_tree(reply)])
            )
            push_objects(
                get_all_nested_objects(reply),
                make_push_object_fn_protobuf(
                    self._client.PushObject, self._node, run_id=self._run, session_id=pushed.session_id
                ),
                object_ids_to_push=set(pushed.objects_to_push),
            )
        status = SubStatus.FAILED if reply.has_error() else SubStatus.COMPLETED
        details = (reply.error.reason or "") if reply.has_error() else ""
        self._client.PushTaskOutput(PushTaskOutputRequest(sub_status=status, details=details))

    @property
    def _run(self) -> int:
        return self._input.run.run_id

    @property
    def _node(self) -> Node:
        return Node(node_id=self._input.context.node_id)

    def _beat(self) -> bool:
        try:
            known = self._client.SendTaskHeartbeat(SendTaskHeartbeatRequest()).success
        except httpx.TransportError:
            return False
        except httpx.HTTPStatusError:
            known = False
        if not known:
            self.lost.set()
        return True


def _client(
    address: str, proof: SuperExecAuthHttpInterceptor | RuntimeTokenHttpInterceptor
) -> RuntimeHttpClient:
    own = OwnListener(int(address.rpartition(":")[2]))
    return RuntimeHttpClient.from_server_address(address, True, None, [own, _VERSION, proof])


def _identified(message: Message, tree: ObjectTree) -> Message:
    """The message with its id, which is that of its objects and does not travel in it."""
    message.metadata.__dict__["_message_id"] = tree.object_id
    return message
