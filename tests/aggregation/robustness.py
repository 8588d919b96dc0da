"""Ten holders of one group, some of them malicious, and rounds of it for any robust method."""

import numpy as np

from fedmtl.aggregation import Clock, Start, Update
from fedmtl.exchange.layout import Entry, Layout

GROUP = "backbone"
SIZE = 300


def names(count):
    return [f"client-{index:02d}" for index in range(count)]


def honest(count, size=SIZE, spread=1.0, seed=0):
    """Updates around one direction, as clients with like data have them."""
    rng = np.random.default_rng(seed)
    towards = rng.standard_normal(size)
    return [(towards + spread * rng.standard_normal(size)).astype(np.float32) for _ in range(count)]


def updates(vectors, weights=None, holders=None):
    weights = weights or [1.0] * len(vectors)
    return [
        Update(name, {GROUP: vector}, {GROUP: weight}, holders={GROUP: holders} if holders else {})
        for name, vector, weight in zip(names(len(vectors)), vectors, weights, strict=True)
    ]


def step(method, given, number=1, seed=0):
    """What one round adds to the group, in float64; `given` are updates, or the vectors of clients alike."""
    if not isinstance(given[0], Update):
        given = updates(given)
    size = given[0].vectors[GROUP].size
    base = {GROUP: np.zeros(size, np.float32)}
    layouts = {GROUP: Layout((Entry("w", (size,), "float32"),))}
    ongoing = method.start_round(Start(base, {}, layouts, Clock(number, 9), seed))
    for one in given:
        ongoing.add(one)
    groups, _ = ongoing.finish()
    assert groups[GROUP].dtype == np.float32
    return groups[GROUP].astype(np.float64)
