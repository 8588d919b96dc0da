"""Who takes part in a round: a fixed number of the clients, or each by itself with the same probability."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fedmtl.config import Sampling


@dataclass(frozen=True)
class Draw:
    """How the clients of a round are drawn.

    Args:
        clients: among how many.
        fraction: how much of them.
    """

    sampling: Sampling
    clients: int
    fraction: float

    @property
    def count(self) -> int:
        """How many are drawn where their number is fixed: one at least."""
        return max(round(self.fraction * self.clients), 1)

    @property
    def rate(self) -> float:
        """The probability with which each client is drawn."""
        return self.fraction if self.sampling is Sampling.poisson else self.count / self.clients

    def choose(self, names: Sequence[str], generator: np.random.Generator) -> list[str]:
        """Some of the names, in their order; with Poisson sampling perhaps none."""
        if self.sampling is Sampling.poisson:
            drawn = generator.random(len(names)) < self.fraction
            return [name for name, is_drawn in zip(names, drawn, strict=True) if is_drawn]
        return [names[i] for i in sorted(generator.permutation(len(names))[: self.count])]
