"""Additive statistics of a network over a data set."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from fedmtl.data import ClientDataset, make_loader
from fedmtl.models.network import MultiTaskNetwork
from fedmtl.tasks import Task
from fedmtl.tasks.base import Statistics


@dataclass(frozen=True)
class Evaluation:
    """Task → its statistics, summed over `images` images."""

    statistics: Mapping[str, Statistics]
    images: int
    seconds: float

    def primary(self, tasks: Sequence[Task]) -> dict[str, float]:
        """Task → its primary metric, of those that could be measured."""
        values = {task.name: task.metrics(self.statistics[task.name])[task.metric] for task in tasks}
        return {name: value for name, value in values.items() if math.isfinite(value)}


@torch.inference_mode()
def evaluate(
    network: MultiTaskNetwork,
    tasks: Sequence[Task],
    dataset: ClientDataset,
    batch_size: int,
    workers: int = 0,
) -> Evaluation:
    """Measure a network, in float32; it is left in evaluation mode."""
    began = time.monotonic()
    network.eval()
    device = next(network.parameters()).device
    names = [task.name for task in tasks]
    pooled: dict[str, Statistics] = {}
    for batch in make_loader(dataset, batch_size, training=False, workers=workers):
        batch = batch.to(device)
        predictions = network(batch.image, names).predictions
        for task in tasks:
            statistics = task.statistics(predictions[task.name], batch.targets[task.name])
            earlier = pooled.get(task.name, {})
            pooled[task.name] = {name: earlier.get(name, 0) + value for name, value in statistics.items()}
    return Evaluation(pooled, len(dataset), time.monotonic() - began)
