"""Everything that can be wrong with a reply to `train`, one at a time: a name, the lie, what the log shall say."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Error, Message, RecordDict

from fedmtl.exchange.codec import encode
from fedmtl.exchange.envelope import PAYLOAD, VECTORS
from tests.federations import client_of, kind_of, payload_of, reply_with, vectors_of

Lie = Callable[[Message, Message], Message | None]


def array(vector: np.ndarray) -> Array:
    encoded = encode(vector)
    return Array(encoded.dtype, encoded.shape, encoded.stype, encoded.data)


def values(vector: Array) -> np.ndarray:
    return np.frombuffer(vector.data, np.float32).copy()


def report(change: Callable[[dict], object]) -> Lie:
    """The reply with a changed report; `change` edits it in place, or returns what stands in its stead."""

    def lie(asked: Message, reply: Message) -> Message:
        payload = payload_of(reply)
        replacement = change(payload)
        return reply_with(asked, payload if replacement is None else replacement, vectors_of(reply))

    return lie


def update(change: Callable[[dict[str, Array]], object]) -> Lie:
    """The reply with vectors that `change` edited in place."""

    def lie(asked: Message, reply: Message) -> Message:
        vectors = vectors_of(reply)
        change(vectors)
        return reply_with(asked, payload_of(reply), vectors)

    return lie


def of_head(change: Callable[[Array], Array]) -> Lie:
    return update(lambda vectors: vectors.update({"head/semseg": change(vectors["head/semseg"])}))


def with_value(value: float) -> Lie:
    def change(vector: Array) -> Array:
        changed = values(vector)
        changed[3] = value
        return array(changed)

    return of_head(change)


def records(**contents) -> Lie:
    return lambda asked, reply: Message(RecordDict(contents), reply_to=asked)


def pickled(vector: Array) -> Array:
    return Array("float32", vector.shape, "numpy.ndarray", pickle.dumps(values(vector)))


def from_another_node(asked: Message, reply: Message) -> Message:
    reply.metadata.__dict__["_src_node_id"] = 4
    return reply


def set_in(key: str, name: str, value: object) -> Lie:
    return report(lambda payload: payload[key].update({name: value}))


LIES: dict[str, tuple[Lie, str]] = {
    "an error": (
        lambda asked, reply: Message(Error(1000, "has no power"), reply_to=asked),
        "b failed: has no power",
    ),
    "an error of an absent node": (
        # Flower sends this one under the SuperLink's own id.
        lambda asked, reply: _from_superlink(Message(Error(5, "node unavailable"), reply_to=asked)),
        "b failed: node unavailable",
    ),
    "nothing": (lambda asked, reply: None, "b did not answer within 0.5 s"),
    "another node's": (from_another_node, "b was answered for by node 4"),
    "another client's name": (report(lambda payload: payload.update(client="a")), "b answers as 'a'"),
    "another round": (report(lambda payload: payload.update(round=1)), "b answers for round 1 in round"),
    "text that is not JSON": (report(lambda payload: "{"), "b holds no valid TrainReport"),
    "JSON that is no report": (report(lambda payload: [1, 2]), "b holds no valid TrainReport"),
    "an unknown field": (report(lambda payload: payload.update(extra=1)), "unknown field `extra`"),
    "no report": (records(), "b sends records that are not a payload and vectors"),
    "a surplus record": (
        records(
            **{PAYLOAD: ConfigRecord({"json": "{}"}), VECTORS: ArrayRecord(), "more": ConfigRecord({"x": 1})}
        ),
        "b sends an unexpected record 'more'",
    ),
    "a report that is bytes": (
        records(**{PAYLOAD: ConfigRecord({"json": b"{}"}), VECTORS: ArrayRecord()}),
        "b holds no TrainReport",
    ),
    "a missing group": (
        update(lambda vectors: vectors.pop("backbone")),
        "b sends no update of 'backbone'",
    ),
    "a group of another's task": (
        update(lambda vectors: vectors.update({"head/depth": vectors["head/semseg"]})),
        "b sends the update of 'head/depth', which it does not train",
    ),
    "its private group": (
        update(lambda vectors: vectors.update({"norm_stats": vectors["head/semseg"]})),
        "b sends the update of 'norm_stats', which it does not train",
    ),
    "another dtype": (
        of_head(lambda vector: array(values(vector).astype(np.float64))),
        "b sends an update of 'head/semseg' that has dtype float64 where float32 was agreed",
    ),
    "another length": (of_head(lambda vector: array(values(vector)[:-1])), "'head/semseg' that has shape"),
    "another shape": (of_head(lambda vector: array(values(vector)[None])), "'head/semseg' that has shape"),
    "too few bytes": (
        of_head(lambda vector: Array("float32", vector.shape, "raw", vector.data[:-4])),
        "'head/semseg' that has",
    ),
    "a pickle": (of_head(pickled), "that has the encoding 'numpy.ndarray' where 'raw' was agreed"),
    "a NaN": (with_value(float("nan")), "'head/semseg' that has values that are not finite"),
    "an infinity": (with_value(float("inf")), "'head/semseg' that has values that are not finite"),
    "too large a weight": (
        set_in("weights", "backbone", 3.0),
        "b claims weight 3 for 'backbone', where 2 is the most it can have",
    ),
    "a negative weight": (set_in("weights", "backbone", -1.0), "b holds no valid TrainReport"),
    "no weight": (
        report(lambda payload: {**payload, "weights": {}}),
        "b sends no weight of",
    ),
    "a loss of another's task": (set_in("loss_sums", "depth", 1.0), "b reports on 'depth'"),
    "a count beyond any number": (set_in("loss_counts", "semseg", 10**400), "b holds no valid TrainReport"),
    "more images than it has": (
        report(lambda payload: payload.update(images=3)),
        "b claims to have trained on 3 images, where it has 2",
    ),
}


def _from_superlink(reply: Message) -> Message:
    reply.metadata.__dict__["_src_node_id"] = 1
    return reply


@dataclass
class Liar:
    """Client b lies in every round from the second on, each time in another way; in the last one it is honest."""

    names: list[str] = field(default_factory=lambda: list(LIES))

    def round_of(self, name: str) -> int:
        return self.names.index(name) + 2

    @property
    def rounds(self) -> int:
        return len(self.names) + 2

    def __call__(self, asked: Message, reply: Message) -> Message | None:
        if kind_of(asked) != "train" or client_of(asked) != "b":
            return reply
        place = payload_of(asked)["round"] - 2
        if not 0 <= place < len(self.names):
            return reply
        return LIES[self.names[place]][0](asked, reply)
