"""SuperLink's control API, as far as a deployment uses it: nodes and runs, without the `flwr` command between."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.serialization import load_ssh_public_key
from flwr.cli.build import build_fab_from_disk
from flwr.common.serde import fab_to_proto, user_config_to_proto
from flwr.proto.control_pb2 import (
    ListNodesRequest,
    ListRunsRequest,
    RegisterNodeRequest,
    StartRunRequest,
    StopRunRequest,
    UnregisterNodeRequest,
)
from flwr.supercore.control.control_http_client import ControlHttpClient
from flwr.supercore.fab import Fab
from flwr.supercore.interceptors import RuntimeVersionHttpInterceptor
from flwr.supercore.primitives.asymmetric import public_key_to_bytes

from fedmtl.errors import RunError


@dataclass(frozen=True)
class Node:
    """A SuperNode that SuperLink knows.

    Attributes:
        name: the site's, as it was registered; empty where nobody gave one.
        public_key: PEM.
        status: registered, online, offline or unregistered.
    """

    id: int
    name: str
    public_key: bytes
    status: str


@dataclass(frozen=True)
class FlowerRun:
    """What SuperLink says of a run.

    Attributes:
        details: of one that failed, in Flower's words.
    """

    finished: bool
    completed: bool
    details: str


class Control:
    """SuperLink's control API.

    Args:
        address: host:port.
        ca: PEM by which SuperLink is known.

    Every method raises RunError where SuperLink cannot be reached or refuses.
    """

    def __init__(self, address: str, ca: bytes) -> None:
        self._client = ControlHttpClient.from_server_address(
            server_address=address,
            insecure=False,
            root_certificates=ca,
            interceptors=[RuntimeVersionHttpInterceptor(component_name="fedmtl")],
        )

    def close(self) -> None:
        """Close the connection, if there is one."""
        self._client.close()

    def nodes(self) -> list[Node]:
        """All nodes that were ever registered."""
        try:
            answer = self._client.ListNodes(ListNodesRequest())
        except httpx.HTTPError as error:
            raise _failure("list its nodes", error) from error
        return [Node(node.node_id, node.name, node.public_key, node.status) for node in answer.nodes_info]

    def register(self, name: str, public_key: bytes) -> None:
        """Let the node with this key (PEM) in. A key that was unregistered once is refused for ever."""
        try:
            self._client.RegisterNode(RegisterNodeRequest(public_key=public_key, name=name))
        except httpx.HTTPError as error:
            raise _failure(f"register site '{name}'", error) from error

    def unregister(self, node: Node) -> None:
        """Cut a node off, for ever."""
        try:
            self._client.UnregisterNode(UnregisterNodeRequest(node_id=node.id))
        except httpx.HTTPError as error:
            raise _failure(f"unregister node {node.id}", error) from error

    def start(self, settings: Mapping[str, str]) -> int:
        """Submit the app that fedmtl ships with this run config; returns Flower's id of the run."""
        request = StartRunRequest(
            fab=fab_to_proto(shipped_app()), override_config=user_config_to_proto(dict(settings))
        )
        try:
            answer = self._client.StartRun(request)
        except httpx.HTTPError as error:
            raise _failure("start the run", error) from error
        if not answer.HasField("run_id"):
            raise RunError("SuperLink did not start the run")
        return int(answer.run_id)

    def run(self, run_id: int) -> FlowerRun:
        """How a run does."""
        try:
            answer = self._client.ListRuns(ListRunsRequest(run_id=run_id))
        except httpx.HTTPError as error:
            raise _failure(f"tell of run {run_id}", error) from error
        status = answer.run_dict[run_id].status
        return FlowerRun(status.status == "finished", status.sub_status == "completed", status.details)

    def stop(self, run_id: int) -> None:
        """End a run; one that is over already stays as it is."""
        if self.run(run_id).finished:
            return
        try:
            self._client.StopRun(StopRunRequest(run_id=run_id))
        except httpx.HTTPError as error:
            raise _failure(f"stop run {run_id}", error) from error


@cache
def shipped_app() -> Fab:
    """The Flower app that fedmtl ships, as it is submitted: its hash is what both sides accept."""
    content = build_fab_from_disk(Path(str(files("fedmtl") / "app")))
    return Fab(hashlib.sha256(content).hexdigest(), content, {})


def pem_of(openssh: str) -> bytes:
    """A public key in OpenSSH's form as SuperLink keeps it."""
    return public_key_to_bytes(load_ssh_public_key(openssh.encode()))  # type: ignore[arg-type]


def _failure(what: str, error: httpx.HTTPError) -> RunError:
    if isinstance(error, httpx.HTTPStatusError):
        return RunError(f"SuperLink does not {what}: {error.response.text or error}")
    return RunError(f"SuperLink cannot be reached to {what}: {error}")
