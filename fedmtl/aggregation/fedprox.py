"""FedProx (Li et al. 2020, arXiv 1812.06127)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fedmtl.aggregation.fedavg import FedAvg
from fedmtl.errors import ConfigError


@dataclass(frozen=True)
class FedProx(FedAvg):
    """FedAvg, with local losses that add (μ/2)·‖θ − θ°‖², so that the gradient gains μ(θ − θ°).

    Args:
        mu: μ, the pull towards the received values.

    Raises:
        ConfigError: μ is negative.
    """

    mu: float = 0.01

    def __post_init__(self) -> None:
        if not 0 <= self.mu < math.inf:
            raise ConfigError(f"method.mu must be 0 or more, and finite, not {self.mu}")

    def local_term(self, parameters: Sequence[Tensor], received: Sequence[Tensor]) -> Tensor | None:
        squares = [(now - then).square().sum() for now, then in zip(parameters, received, strict=True)]
        return self.mu / 2 * torch.stack(squares).sum() if squares else None
