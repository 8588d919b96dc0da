"""A sound reply to a round of training, for tests to damage."""

import numpy as np

from fedmtl.exchange.codec import encode
from fedmtl.exchange.layout import Entry, Layout
from fedmtl.exchange.messages import TrainReport

LAYOUTS = {
    "backbone": Layout((Entry("w", (2, 2), "float32"), Entry("b", (2,), "float32"))),
    "head/depth": Layout((Entry("w", (3,), "float32"),)),
}
LARGEST = {"backbone": 8, "head/depth": 5}


def report(**changes):
    sound = {
        "client": "a",
        "round": 3,
        "images": 8,
        "steps": 4,
        "labelled": {"depth": 5},
        "loss_sums": {"depth": 2.5},
        "loss_counts": {"depth": 5},
        "weights": {"backbone": 8.0, "head/depth": 5.0},
        "seconds": 0.5,
        "cost": None,
    }
    return TrainReport(**{**sound, **changes})


def vectors():
    return {name: encode(np.arange(layout.size, dtype=np.float32)) for name, layout in LAYOUTS.items()}
