"""Keeping account of a round's losses without waiting for the device at every step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from fedmtl.data import Batch
from fedmtl.errors import TrainingError

CHECK_EVERY = 50
"""Batches between looks at the losses; on CUDA a look waits for the device."""


@dataclass
class LossAccount:
    """The losses of a client's round, task by task.

    Attributes:
        sums: task → Σ over batches of the batch's mean loss times its labelled images.
        counts: task → Σ over batches of labelled images.
        images: the distinct images that were seen.
        labelled: task → those that have its label.
    """

    tasks: Sequence[str]
    where: str
    sums: dict[str, float] = field(init=False)
    counts: dict[str, int] = field(init=False)
    images: set[str] = field(init=False, default_factory=set)
    labelled: dict[str, set[str]] = field(init=False)
    _waiting: list[tuple[Tensor, Sequence[str], Mapping[str, Tensor]]] = field(
        init=False, default_factory=list
    )

    def __post_init__(self) -> None:
        self.sums = dict.fromkeys(self.tasks, 0.0)
        self.counts = dict.fromkeys(self.tasks, 0)
        self.labelled = {task: set() for task in self.tasks}

    def add(self, batch: Batch, terms: Mapping[str, Tensor], total: Tensor) -> None:
        """Note a batch's unweighted task losses and its total."""
        values = torch.stack([*(terms[task].detach().float() for task in self.tasks), total.detach().float()])
        self._waiting.append((values, batch.ids, batch.labelled))
        if len(self._waiting) >= CHECK_EVERY:
            self.settle()

    def settle(self) -> None:
        """Look at what was noted.

        Raises:
            TrainingError: a loss was not finite; names the task and the batch.
        """
        if not self._waiting:
            return
        table = torch.stack([values for values, _, _ in self._waiting]).cpu().double()
        for values, (_, ids, labelled) in zip(table.tolist(), self._waiting, strict=True):
            self._check(values, ids)
            self.images.update(ids)
            for task, value in zip(self.tasks, values[:-1], strict=True):
                present = [i for i, has in zip(ids, labelled[task].tolist(), strict=True) if has]
                self.sums[task] += value * len(present)
                self.counts[task] += len(present)
                self.labelled[task].update(present)
        self._waiting.clear()

    def _check(self, values: Sequence[float], ids: Sequence[str]) -> None:
        names = [*self.tasks, "total"]
        broken = [name for name, value in zip(names, values, strict=True) if not math.isfinite(value)]
        if broken:
            raise TrainingError(
                f"{self.where}: the loss of '{broken[0]}' is not finite for the batch of images "
                f"{', '.join(ids)}; check their labels, or lower training.lr"
            )
