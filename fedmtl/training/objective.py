"""What local training minimises: the weighted losses of a client's tasks, and the model's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from fedmtl.config import TaskConfig
from fedmtl.data import Batch
from fedmtl.models.network import MultiTaskNetwork
from fedmtl.tasks import Task


class Losses(NamedTuple):
    """A batch's losses.

    Attributes:
        terms: task → its unweighted mean loss, a scalar.
        total: the weighted sum of them, and the model's auxiliary losses, a scalar.
    """

    terms: dict[str, Tensor]
    total: Tensor


@dataclass(frozen=True)
class Objective:
    """The losses of a network on a batch.

    Args:
        settings: by the name of the task; a weight there replaces that of the task's kind.
    """

    network: MultiTaskNetwork
    tasks: Sequence[Task]
    settings: Mapping[str, TaskConfig]

    def __call__(self, batch: Batch) -> Losses:
        """The losses of a batch that is on the network's device; on CUDA the network runs in bf16."""
        device = batch.image.device
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            output = self.network(batch.image)
        terms = {
            task.name: task.loss(output.predictions[task.name], batch.targets[task.name])
            for task in self.tasks
        }
        total = output.auxiliary
        for task in self.tasks:
            total = total + self._weight(task) * terms[task.name]
        return Losses(terms, total)

    def _weight(self, task: Task) -> float:
        configured = self.settings.get(task.name)
        return task.weight if configured is None or configured.weight is None else configured.weight
