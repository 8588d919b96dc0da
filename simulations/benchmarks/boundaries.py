"""How long odsF takes an image of NYUD-v2's size: of a prediction near the truth, and of one that knows nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from fedmtl.data.rooms import Rooms
from fedmtl.tasks import Task, build_task
from fedmtl.tasks.boundary import Boundary
from simulations.benchmarks.settings import refuse_settings
from simulations.benchmarks.timing import threads

HEIGHT, WIDTH = 448, 576
NYUD_TEST_IMAGES = 654


def run(overrides: Sequence[str] = (), *, images: int = 16) -> list[dict[str, Any]]:
    """Rows for each kind of prediction of `images` rendered rooms, on one thread and on two.

    Raises:
        ConfigError: there are overrides, for which there is no scenario here.
    """
    refuse_settings("boundaries", overrides)
    rooms = Rooms(height=HEIGHT, width=WIDTH, train=images)
    edge = build_task(rooms.tasks["edge"])
    # Every fourth image of each of the four sites: all sites count alike.
    labels = [rooms.load(name, ["edge"]).labels["edge"] for name in list(rooms.ids("train"))[:: rooms.sites]]
    target = torch.stack([edge.target(label) for label in labels])
    rows = []
    for prediction, output in _predictions(target).items():
        for count in (1, 2):
            with threads(count):
                seconds = _seconds(Boundary(edge.spec), output, target)
            what = {"prediction": prediction, "height": HEIGHT, "width": WIDTH, "threads": count}
            rows.append(what | {"seconds_per_image": seconds, "seconds_of_nyud": seconds * NYUD_TEST_IMAGES})
    return rows


def _predictions(target: Tensor) -> Mapping[str, Tensor]:
    """Logits (B, 1, H, W): edges blurred and displaced by two pixels in noise, and noise alone."""
    noise = torch.from_numpy(np.random.default_rng(0).standard_normal(target.shape).astype(np.float32))
    smooth = 7 * _blur(noise)
    return {"near the truth": 20 * _blur(target.roll(2, dims=-1)) + smooth - 3, "noise": smooth}


def _blur(maps: Tensor) -> Tensor:
    """Means over 3 × 3 pixels, five times: nearly a Gaussian of 1.8 pixels."""
    for _ in range(5):
        maps = F.avg_pool2d(maps, kernel_size=3, stride=1, padding=1)
    return maps


def _seconds(task: Task, output: Tensor, target: Tensor) -> float:
    """Seconds an image, once everything is compiled."""
    task.statistics(output[:1], target[:1])
    start = time.perf_counter()
    task.statistics(output, target)
    return (time.perf_counter() - start) / len(target)
