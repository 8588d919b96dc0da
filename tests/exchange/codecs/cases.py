"""Layouts and vectors that every codec is tried on."""

import numpy as np

from fedmtl.exchange.layout import Entry, Layout

LAYOUT = Layout(
    (
        Entry("conv.weight", (6, 4, 3, 3), "float32"),
        Entry("conv.bias", (6,), "float32"),
        Entry("depthwise.weight", (4, 1, 3, 3), "float32"),
        Entry("scale", (), "float32"),
        Entry("nothing", (0, 5), "float32"),
    )
)


def update(seed=0, scale=1e-3):
    rng = np.random.default_rng(seed)
    return np.float32(scale) * rng.standard_normal(LAYOUT.size, np.float32)


def flat(size):
    return Layout((Entry("w", (size,), "float32"),))


def channels(vector, layout=LAYOUT):
    """The slices that have a scale of their own, in order."""
    parts = []
    for entry, place in layout.slices():
        if entry.size:
            rows = entry.shape[0] if len(entry.shape) >= 2 else 1
            parts.extend(np.asarray(vector)[place].reshape(rows, -1))
    return parts
