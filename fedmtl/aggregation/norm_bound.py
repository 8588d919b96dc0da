"""Bounded norms (Sun et al. 2019, arXiv 1911.07963), per parameter group over that group's holders."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from fedmtl.aggregation.base import Method, Round, Start, Update
from fedmtl.aggregation.gathered import Gathered, combine
from fedmtl.aggregation.mean import WeightedMean
from fedmtl.aggregation.options import require
from fedmtl.exchange.layout import Vector, norm


@dataclass(frozen=True)
class NormBound(Method):
    """Every group moves by the mean of its holders' updates, each made as short as a bound where it is longer.

    Holders count alike. f attackers of n can add f/n of the bound and no more, but that in any direction, in every
    round. Clients could not be held to a bound under secure sums, so it does not work there.

    Args:
        bound: the largest L2 norm of a group's update; unset: the median of its holders' norms. Memory: with a bound
            updates are folded as they come; without, all of a round are held.

    Raises:
        ConfigError: the bound is not above 0.
    """

    streaming: ClassVar[bool] = False
    counts_alike: ClassVar[bool] = True

    bound: float | None = None

    def __post_init__(self) -> None:
        if self.bound is not None:
            require(0 < self.bound < math.inf, "bound", "above 0, and finite", self.bound)

    def start_round(self, start: Start) -> Round:
        return _BoundedByMedian(start) if self.bound is None else _Bounded(self.bound, start)


class _Bounded(WeightedMean):
    def __init__(self, bound: float, start: Start) -> None:
        super().__init__(start)
        self._bound = bound

    def add(self, update: Update) -> None:
        vectors = {
            group: np.float32(shortening(norm(vector), self._bound)) * vector
            for group, vector in update.vectors.items()
        }
        weights = {group: float(weight > 0) for group, weight in update.weights.items()}
        super().add(replace(update, vectors=vectors, weights=weights))


class _BoundedByMedian(Gathered):
    def finish(self) -> tuple[dict[str, Vector], dict[str, Vector]]:
        groups = dict(self.start.groups)
        for group, holders in self.holders.items():
            vectors = [holder.vector for holder in holders]
            norms = [norm(vector) for vector in vectors]
            bound = float(np.median(norms))
            shares = np.array([[shortening(each, bound) / len(norms) for each in norms]])
            groups[group] = groups[group] + combine(shares, vectors)[0]
        return groups, dict(self.start.state)


def shortening(length: float, bound: float) -> float:
    """What a vector of this length is multiplied by: 1, or what makes it as long as the bound."""
    return 1.0 if length <= bound else bound / length
