"""What an attacker knows of a client that took one step on one image: everything but the image.

The model and its weights are the federation's, and the labels are given to the attacker as well: the worst case.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.func import functional_call, grad, replace_all_batch_norm_modules_, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from fedmtl.data import Batch
from fedmtl.exchange.layout import Vector
from fedmtl.models.attention import DeformableAttention
from fedmtl.models.backbone import Backbone
from fedmtl.models.depthwise import Depthwise
from fedmtl.models.vectors import GroupVectors
from fedmtl.training.objective import Objective

Gradient = Mapping[str, Tensor]
"""Parameter → the gradient of the loss by it, of its shape; those that are not seen are absent."""
CLEAR = 10.0
"""How many times its rounding an update must be."""


@dataclass(frozen=True)
class Victim:
    """One image's client, as the attacker can rebuild it.

    Attributes:
        objective: the client's loss; its network holds the values that the client began with.
        targets: task → (1, …), the image's labels.
        shape: of the image, (C, H, W).
    """

    objective: Objective
    targets: Mapping[str, Tensor]
    shape: tuple[int, int, int]

    def gradients(
        self, images: Tensor, names: Collection[str], targets: Mapping[str, Tensor]
    ) -> dict[str, Tensor]:
        """The gradient at each of the images (R, C, H, W), by the parameters called `names`, (R, …) each.

        It can be differentiated, by the images alone. Where the loss does not depend on a parameter, it is zero.

        Args:
            targets: task → (R, …), each image's labels.
        """
        total = _Total(self.objective)
        fixed = {name: value for name, value in self.parameters.items() if name not in names}
        by = {name: self.parameters[name] for name in names}
        labelled = {task: torch.ones(1, dtype=torch.bool) for task in targets}

        def loss(values: dict[str, Tensor], image: Tensor, labels: dict[str, Tensor]) -> Tensor:
            batch = Batch(
                image[None], {task: each[None] for task, each in labels.items()}, labelled, ["image"]
            )
            named = {f"network.{name}": value for name, value in {**fixed, **values}.items()}
            found: Tensor = functional_call(total, named, (batch,))
            return found

        # What is drawn (paths dropped, sources tried) is each image's own, as it was the client's.
        of_each = vmap(grad(loss), in_dims=(None, 0, 0), randomness="different")
        with sdpa_kernel(SDPBackend.MATH):  # the only one that can be differentiated twice
            found: dict[str, Tensor] = of_each(by, images, dict(targets))
        return found

    def alike(self, other: Victim) -> bool:
        """Whether nothing but labels tells it from another: tasks, their weights and the network's values are equal."""
        tasks = [(task.spec, self.objective.settings.get(task.name)) for task in self.objective.tasks]
        others = [(task.spec, other.objective.settings.get(task.name)) for task in other.objective.tasks]
        return (
            tasks == others
            and self.parameters.keys() == other.parameters.keys()
            and all(torch.equal(value, other.parameters[name]) for name, value in self.parameters.items())
        )

    @cached_property
    def parameters(self) -> dict[str, Tensor]:
        """The network's, by name, as constants."""
        return {name: value.detach() for name, value in self.objective.network.named_parameters()}


class _Total(nn.Module):
    """An objective's total as a module: torch can then compute it with other parameters than its network's."""

    def __init__(self, objective: Objective) -> None:
        super().__init__()
        self.network = objective.network
        self._objective = objective

    def forward(self, batch: Batch) -> Tensor:
        """The loss of a batch, a scalar."""
        return self._objective(batch).total


def open_to_attack(network: nn.Module) -> None:
    """Have a network train, and compute the same by operators that have second derivatives and take many at once.

    Batch normalisation, whose statistics are the image's own while it trains, keeps no account of them.
    """
    for module in network.modules():
        if isinstance(module, DeformableAttention):
            module.backend = "plain"
        elif isinstance(module, Depthwise):
            module.own_gradient = False
        elif isinstance(module, Backbone):
            module.memory_format = torch.contiguous_format
    replace_all_batch_norm_modules_(network)
    network.train()


def gradient_of(updates: Mapping[str, Vector], vectors: GroupVectors, lr: float) -> dict[str, Tensor]:
    """The gradient that one step of plain SGD at learning rate `lr` followed to make `updates`.

    Parameters that hardly moved are left out: an update is the difference of two float32 values, and says little where
    it is of the size of their rounding.

    Args:
        vectors: of a network that holds the values before the step.
    """
    found: dict[str, Tensor] = {}
    for group, vector in updates.items():
        rounding = np.spacing(np.abs(vectors.read(group))) / math.sqrt(12)
        for entry, place in vectors.layouts[group].slices():
            moved = vector[place]
            if entry.dtype.startswith("float") and _norm(moved) > CLEAR * _norm(rounding[place]):
                found[entry.name] = torch.from_numpy(moved / -lr).view(entry.shape)
    return found


def _norm(values: NDArray[Any]) -> float:
    return float(np.linalg.norm(values.astype(np.float64)))
