"""One round's replies at a server with many clients: to ours as they come off the wire, and as Flower's.

Every client trains every group of one model, and sends noise that would weigh in. A few updates are made once, each
longer than any cache, and clients take turns to send them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.serverapp.strategy.strategy_utils import aggregate_arrayrecords

from clients.app import app as client_app
from fedmtl.aggregation import Clock, Start, Update, build_method
from fedmtl.config import Plan, Scenario
from fedmtl.exchange.checks import check_counts, check_report, check_update
from fedmtl.exchange.codecs import build_codec, codec_of
from fedmtl.exchange.envelope import PAYLOAD, VECTORS
from fedmtl.exchange.layout import Layout, Vector
from fedmtl.exchange.messages import Description, TrainReport
from fedmtl.tasks import TaskSpec
from server.blueprint import Blueprint
from server.messages import content_of, to_array
from server.roster import Member
from simulations.inprocess import InProcessGrid

TASKS = (
    TaskSpec("depth", "depth"),
    TaskSpec("edge", "edge"),
    TaskSpec("normals", "normals"),
    TaskSpec("saliency", "saliency"),
    TaskSpec("semseg", "semseg", ("wall", "floor", "door", "window", "furniture")),
)
POOL = 4
"""Updates that are different."""
WEIGHTED_BY = "num-examples"
ROUND = 1
FIRST_NODE = 2


def build_model(scenario: Scenario) -> Blueprint:
    """The groups of a model of all `TASKS`."""
    return Blueprint.build(Plan.of(scenario), build_method(scenario.method), TASKS, [3])


def parameters(model: Blueprint) -> int:
    """How many numbers an update has."""
    return sum(layout.size for layout in model.layouts.values())


def images(client: int) -> int:
    """How many a client trains on: its weight."""
    return 20 + 37 * client % 4000


def pooled_update(layout: Layout, which: int) -> Vector:
    """One of `POOL` updates of a group; what clients `which`, `which` + POOL and so on send of it."""
    rng = np.random.default_rng([layout.size, which])
    return np.float32(1e-3) * rng.standard_normal(layout.size, np.float32)


class Server:
    """What our server does with a round's replies in a federation of `clients`, without a wire."""

    def __init__(self, scenario: Scenario, clients: int) -> None:
        model = build_model(scenario)
        self.groups: dict[str, Vector] = model.initial
        self._layouts, self._method = model.layouts, build_method(scenario.method)
        self._codec = build_codec(scenario.exchange.up, "exchange.up")
        self._pool = [
            {
                group: codec_of(group, layout, self._codec).encode(pooled_update(layout, which), layout)
                for group, layout in model.layouts.items()
            }
            for which in range(POOL)
        ]
        self._members = [
            Member(FIRST_NODE + client, _description(client), model.layouts, {}) for client in range(clients)
        ]
        # Flower makes no message before it knows who sends it.
        InProcessGrid(client_app, 0, {})
        self._making = 0.0

    def fold(self, copies: bool) -> float:
        """Seconds of parsing, checking, decoding and folding, as in a run; the making of replies is not counted.

        Args:
            copies: each reply lies in memory of its own, as if it had just arrived, which counts for a peak.
                Without, replies share the bytes of what they have in common, and nobody's time is spent on giving
                back that memory: Flower's aggregation, which is given a list, does not do so either.
        """
        self._making = 0.0
        began = time.perf_counter()
        start = Start(self.groups, {}, self._layouts, Clock(ROUND, ROUND))
        folding = self._method.start_round(start)
        for member, reply in zip(self._members, self._arrive(copies), strict=True):
            text, encoded = content_of(reply)
            report = TrainReport.from_json(text)
            check_report(report, member.description.client, ROUND)
            check_counts(report, member.description)
            vectors = check_update(report, encoded, member.trains, member.largest_weights, self._codec)
            folding.add(Update(report.client, vectors, report.weights, member.description.domain))
        self.groups, _ = folding.finish()
        return time.perf_counter() - began - self._making

    def _arrive(self, copies: bool) -> Iterator[Message]:
        for client, member in enumerate(self._members):
            began = time.perf_counter()
            asked = Message(RecordDict(), member.node, "train")
            reply = Message(self._content(client, member.description, copies), reply_to=asked)
            self._making += time.perf_counter() - began
            yield reply
            del reply

    def _content(self, client: int, description: Description, copies: bool) -> RecordDict:
        update, count = self._pool[client % POOL], description.images
        weights = dict.fromkeys(update, float(count))
        report = TrainReport(
            description.client, ROUND, count, 1, dict(description.labelled), {}, {}, weights, 1.0, None
        )
        arrays = {group: to_array(encoded) for group, encoded in update.items()}
        if copies:
            arrays = {group: _copied(array) for group, array in arrays.items()}
        return RecordDict({PAYLOAD: ConfigRecord({"json": report.to_json()}), VECTORS: ArrayRecord(arrays)})


def flower_pool(model: Blueprint) -> list[ArrayRecord]:
    """`POOL` updates as Flower's own strategies want them: an array a tensor."""
    return [
        ArrayRecord(
            {
                f"{group}:{name}": Array(np.ascontiguousarray(tensor))
                for group, layout in model.layouts.items()
                for name, tensor in layout.split(pooled_update(layout, which)).items()
            }
        )
        for which in range(POOL)
    ]


def flower_replies(pool: Sequence[ArrayRecord], clients: int) -> list[RecordDict]:
    """What Flower's own aggregation is given: all replies at once, each with one weight."""
    return [
        RecordDict(
            {
                "arrays": ArrayRecord({name: _copied(array) for name, array in pool[client % POOL].items()}),
                "metrics": MetricRecord({WEIGHTED_BY: images(client)}),
            }
        )
        for client in range(clients)
    ]


def flower_fold(replies: Sequence[RecordDict]) -> float:
    """Seconds of Flower's own aggregation; it checks nothing."""
    began = time.perf_counter()
    aggregate_arrayrecords(list(replies), WEIGHTED_BY)
    return time.perf_counter() - began


def _copied(array: Array) -> Array:
    return Array(array.dtype, array.shape, array.stype, bytes(memoryview(array.data)))


def _description(client: int) -> Description:
    count = images(client)
    labelled = {task.name: count for task in TASKS}
    return Description(f"client-{client}", TASKS, 3, count, 0, 0, labelled, "benchmark", "any", (), True)
