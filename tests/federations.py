"""Tiny federations: what the tests of server, clients and simulations run, wiretap, tamper with and compare."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from flwr.app import Array, ArrayRecord, ConfigRecord, Message, RecordDict

from clients.app import app as client_app
from fedmtl.aggregation import build_method
from fedmtl.best_model import BEST
from fedmtl.checkpoints import load_checkpoint
from fedmtl.config import Plan, Scenario
from fedmtl.data import expand_copies
from fedmtl.exchange.envelope import PAYLOAD, VECTORS
from fedmtl.exchange.layout import Vector
from fedmtl.reporting.events import Event, Listener, MetricsLog, read_events
from fedmtl.run_directory import RunDirectory
from fedmtl.scenario import parse_scenario
from fedmtl.tensor_file import read_tensors
from server.blueprint import Blueprint
from server.rounds import run_rounds
from simulations.inprocess import InProcessGrid

TINY = """
name: tiny
rounds: 3
data:
  sources:
    rooms: {kind: rooms, sites: 3, height: 32, width: 48, train: 4, val: 2, test: 2}
  image_size: [32, 48]
  partition: {kind: site}
clients:
  a: {source: rooms, sites: ["0"], tasks: [semseg, depth]}
  b: {source: rooms, sites: ["1"], tasks: [semseg]}
  c: {source: rooms, sites: ["2"], tasks: [depth, room_type]}
model:
  backbone: {name: lcnet_035}
  adapter: {bottleneck: 4}
  attention: {channels: 8, heads: 2, points: 1}
training: {batch_size: 2, threads: 1, device: cpu}
"""
"""Three clients that differ in tasks; a round of it takes about a fifth of a second."""
CLIENTS = ("a", "b", "c")

Alter = Callable[[Message, Message], Message | None]
"""(what was asked, the reply) → the reply that arrives instead, or None for one that never comes."""


def tiny(*overrides: str) -> Scenario:
    return parse_scenario(TINY, "tiny.yaml", overrides)


def create(path: Path, *overrides: str) -> RunDirectory:
    return RunDirectory.create(path, tiny(*overrides))


class Wire(InProcessGrid):
    """An in-process grid that notes what it carries, and lets a test alter replies.

    Attributes:
        carried: (what was asked, the client's true reply), in the order of computation.
    """

    def __init__(self, directory: RunDirectory, alter: Alter | None = None, app=client_app) -> None:
        nodes = len(expand_copies(directory.scenario.clients))
        super().__init__(app, nodes, {"run-dir": str(directory.path.absolute())})
        self.directory, self.alter = directory, alter
        self.carried: list[tuple[Message, Message]] = []
        self._asked: dict[str, Message] = {}

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        messages = list(messages)
        ids = list(super().push_messages(messages))
        self._asked.update(zip(ids, messages, strict=True))
        return ids

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        arrived = []
        for reply in super().pull_messages(message_ids):
            asked = self._asked[reply.metadata.reply_to_message_id]
            self.carried.append((asked, reply))
            altered = self.alter(asked, reply) if self.alter else reply
            if altered is not None:
                arrived.append(altered)
        return arrived


def run_on(grid: InProcessGrid, directory: RunDirectory, listeners: Iterable[Listener] = ()) -> RunDirectory:
    with MetricsLog(directory.metrics, listeners) as log:
        run_rounds(grid, directory, log, "inprocess")
    return directory


def events_of(directory: RunDirectory, *kinds: str, **fields: object) -> list[Event]:
    """The events of these kinds (all, if none is named) whose fields have these values."""
    return [
        event
        for event in read_events(directory.metrics)
        if (not kinds or event["event"] in kinds)
        and all(event.get(key) == value for key, value in fields.items())
    ]


def kind_of(message: Message) -> str:
    return message.metadata.message_type


def payload_of(message: Message) -> dict:
    text = message.content[PAYLOAD]["json"]
    return json.loads(text) if text else {}


def client_of(asked: Message) -> str:
    """The client behind a message to a node of a `Wire`: nodes 2, 3, … hold the clients by name."""
    return CLIENTS[asked.metadata.dst_node_id - 2]


def is_train(asked: Message, client: str, round_number: int) -> bool:
    return (
        kind_of(asked) == "train"
        and client_of(asked) == client
        and payload_of(asked)["round"] == round_number
    )


def reply_with(asked: Message, payload: object, vectors: dict[str, Array]) -> Message:
    """A reply with this payload, as JSON unless it is text, and these vectors."""
    text = payload if isinstance(payload, str) else json.dumps(payload)
    records = {PAYLOAD: ConfigRecord({"json": text}), VECTORS: ArrayRecord(vectors)}
    return Message(RecordDict(records), reply_to=asked)


def vectors_of(message: Message) -> dict[str, Array]:
    return dict(message.content[VECTORS].items())


def groups_of(asked: Message) -> set[str]:
    """The groups of an instruction; those whose values the client has are not sent again."""
    return set(payload_of(asked)["versions"])


def initial_of(directory: RunDirectory) -> dict[str, Vector]:
    """The values that the groups of a run began with."""
    scenario, (header, _) = directory.scenario, load_checkpoint(directory.checkpoints)
    channels = {client.channels for client in header.clients.values()}
    method = build_method(scenario.method)
    return Blueprint.build(Plan.of(scenario), method, header.tasks, channels).initial


def models_of(directory: RunDirectory) -> dict[str, object]:
    """Every bit that a run ends with: the newest checkpoint, each client's newest private state and best model."""
    header, tensors = load_checkpoint(directory.checkpoints)
    private = {
        client: bits(directory.private_states(client).read(progress.accepted)[0])
        for client, progress in header.clients.items()
        if progress.accepted
    }
    best = {client: best_of(directory, client) for client in header.clients}
    return {"header": header, "groups": bits(tensors), "private": private, "best": best}


def best_of(directory: RunDirectory, client: str) -> dict[str, object] | None:
    """A client's best model, bit for bit, and what is said of it but for the run's id."""
    path = directory.client_folder(client) / BEST
    if not path.exists():
        return None
    tensors, state = read_tensors(path)
    return {"weights": bits(tensors), **state, "run": None}


def newest_of(directory: RunDirectory, path: Path) -> RunDirectory:
    """A copy of a run without any best model, so that what is loaded is the newest checkpoint's."""
    shutil.copytree(directory.path, path)
    for best in path.glob(f"checkpoints/clients/*/{BEST}"):
        best.unlink()
    return RunDirectory.open(path)


def bits(tensors: dict) -> dict[str, str]:
    return {
        name: f"{tensor.dtype} {tensor.shape} {hashlib.sha256(tensor.tobytes()).hexdigest()[:16]}"
        for name, tensor in tensors.items()
    }


def story_of(
    directory: RunDirectory, without: Iterable[str] = ("resume",), but_for: Iterable[str] = ()
) -> list[Event]:
    """The metrics log without what differs between equal runs: times, the run's id, and these fields."""
    varying = {"time", "seconds", "run_id", *but_for}
    return [
        {key: value for key, value in event.items() if key not in varying}
        for event in read_events(directory.metrics)
        if event["event"] not in without
    ]
