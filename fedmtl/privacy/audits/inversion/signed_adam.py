"""Adam on the signs of slopes, as Geiping et al. (2020, arXiv 2003.14053) invert gradients."""

from __future__ import annotations

import torch
from torch import Tensor

from fedmtl.privacy.audits.inversion.lbfgs import Evaluate

MILESTONES = (3 / 8, 5 / 8, 7 / 8)
"""Shares of the steps after which they become ten times smaller."""
DECAYS = (0.9, 0.999)


class SignedAdam:
    """Minimises R functions of D variables in [0, 1]; a step's length has nothing to do with the slope's.

    Args:
        x: (R, D), where they begin.
        lr: the length of the first steps.
        steps: of all calls of `advance` together.
    """

    def __init__(self, x: Tensor, lr: float, steps: int) -> None:
        self.x = x
        self._lr, self._steps, self._done = lr, steps, 0
        self._mean, self._square = torch.zeros_like(x), torch.zeros_like(x)

    def advance(self, evaluate: Evaluate, count: int) -> None:
        """Go on for so many evaluations."""
        for _ in range(count):
            sign = evaluate(self.x)[1].sign()
            passed = sum(self._done >= share * self._steps for share in MILESTONES)
            self._done += 1
            self._mean = DECAYS[0] * self._mean + (1 - DECAYS[0]) * sign
            self._square = DECAYS[1] * self._square + (1 - DECAYS[1]) * sign.square()
            mean, square = (
                average / (1 - decay**self._done)
                for average, decay in zip((self._mean, self._square), DECAYS, strict=True)
            )
            step = self._lr * 0.1**passed * mean / (square.sqrt() + 1e-8)
            self.x = (self.x - step).clamp(0, 1)

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows alone."""
        self.x, self._mean, self._square = self.x[rows], self._mean[rows], self._square[rows]
