"""What an attacker knows of a client that took one step on one image: everything but the image.

The model and its weights are the federation's, and the labels are given to the attacker as well: the worst case.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from fedmtl.data import Batch
from fedmtl.exchange.layout import Vector
from fedmtl.models.attention import DeformableAttention
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

    def gradient(self, image: Tensor, names: Collection[str]) -> dict[str, Tensor]:
        """The gradient at an image (C, H, W), by the parameters called `names`; it can be differentiated.

        Where the loss does not depend on a parameter, it is zero.
        """
        network = self.objective.network
        labelled = {task: torch.ones(1, dtype=torch.bool) for task in self.targets}
        with sdpa_kernel(SDPBackend.MATH):  # the only one that can be differentiated twice
            total = self.objective(Batch(image[None], self.targets, labelled, ["image"])).total
        parameters = [network.get_parameter(name) for name in names]
        gradients = torch.autograd.grad(
            total, parameters, create_graph=True, allow_unused=True, materialize_grads=True
        )
        return dict(zip(names, gradients, strict=True))


def open_to_attack(network: nn.Module) -> None:
    """Have a network train, and its deformable attention compute the same by operators that have second derivatives."""
    for module in network.modules():
        if isinstance(module, DeformableAttention):
            module.backend = "plain"
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
