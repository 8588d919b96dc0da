"""L-BFGS (Liu and Nocedal 1989) on many functions at once, none of which knows of the others.

All take their steps together: what costs time, the evaluation, is one for all of them. A row whose step does not lower
its value enough (Armijo) tries a shorter one in the next evaluation, while others go on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

Evaluate = Callable[[Tensor], tuple[Tensor, Tensor]]
"""x (R, D) → the values (R,) and their slopes (R, D)."""
ENOUGH = 1e-4
"""The share of the fall that the slope promises, from which a step is taken."""
FIRST = 0.05
"""The largest change of an element in the first step."""
FLAT = 1e-10
"""The curvature below which it is not learned from."""
TINY = 1e-30


class Lbfgs:
    """Minimises R functions of D variables.

    Args:
        x: (R, D), where they begin.
        history: steps that the curvature is guessed from.

    Attributes:
        x: the best so far.
    """

    def __init__(self, x: Tensor, history: int) -> None:
        self.x = x
        self._history = history
        self._pairs: list[tuple[Tensor, Tensor, Tensor]] = []  # step, change of slope, 1 / their product or 0
        self._at: _Point | None = None

    def advance(self, evaluate: Evaluate, count: int) -> None:
        """Go on for so many evaluations."""
        for _ in range(count):
            self._at = _begin(*evaluate(self.x)) if self._at is None else self._try(self._at, evaluate)

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows alone."""
        self.x = self.x[rows]
        self._pairs = [(s[rows], y[rows], r[rows]) for s, y, r in self._pairs]
        self._at = self._at and _Point(*(each[rows] for each in self._at))

    def _try(self, at: _Point, evaluate: Evaluate) -> _Point:
        promised = at.length * _dot(at.slope, at.direction)  # negative
        tried = self.x + at.length * at.direction
        values, slope = evaluate(tried)
        value = values[:, None]
        taken = value <= at.value + ENOUGH * promised  # never where it is not a number
        step, change = (torch.where(taken, each, 0.0) for each in (tried - self.x, slope - at.slope))
        product, size = _dot(step, change), _dot(change, change)
        curved = product > FLAT * size  # false where no step was taken
        weight = torch.where(curved, 1 / torch.where(curved, product, 1.0), 0.0)
        self._pairs = [*self._pairs, (step, change, weight)][-self._history :]
        self.x = torch.where(taken, tried, self.x)
        slope = torch.where(taken, slope, at.slope)
        scale = torch.where(curved, product / size.clamp(min=TINY), at.scale)
        # A step that was not taken: to the lowest point of the parabola through both values, within bounds.
        shorter = (-promised / (2 * (value - at.value - promised))).nan_to_num(0.0).clamp(0.1, 0.5)
        return _Point(
            torch.where(taken, value, at.value),
            slope,
            scale,
            torch.where(taken, self._downhill(slope, scale), at.direction),
            torch.where(taken, 1.0, shorter * at.length),
        )

    def _downhill(self, slope: Tensor, scale: Tensor) -> Tensor:
        """By the two loops of L-BFGS; straight down the slope where they lead uphill."""
        q, shares = slope, []
        for step, change, weight in reversed(self._pairs):
            shares.append(weight * _dot(step, q))
            q = q - shares[-1] * change
        q = scale * q
        for (step, change, weight), share in zip(self._pairs, reversed(shares), strict=True):
            q = q + step * (share - weight * _dot(change, q))
        return torch.where(_dot(q, slope) > 0, -q, -scale * slope)


class _Point(NamedTuple):
    """Where each row is: its value (R, 1), its slope (R, D), the inverse of its curvature in the last step (R, 1); and
    what it tries next, so much (R, 1) of a direction (R, D).
    """

    value: Tensor
    slope: Tensor
    scale: Tensor
    direction: Tensor
    length: Tensor


def _begin(values: Tensor, slope: Tensor) -> _Point:
    scale = FIRST / slope.abs().amax(dim=1, keepdim=True).clamp(min=TINY)
    return _Point(values[:, None], slope, scale, -scale * slope, torch.ones_like(scale))


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """Row by row, (R, 1)."""
    return (a * b).sum(dim=1, keepdim=True)
