"""The weighted mean over holders, folded one update at a time."""

from __future__ import annotations

from fedmtl.aggregation.base import Round, Start, Update
from fedmtl.aggregation.running_sum import RunningSum
from fedmtl.exchange.layout import Vector


class WeightedMean(Round):
    """θ_g + Σ_i w_ig Δ_ig / Σ_i w_ig, over the clients i that hold group g.

    Memory beside the groups themselves: a `RunningSum` per group that was updated.
    """

    def __init__(self, start: Start) -> None:
        self._groups = start.groups
        self._state = start.state
        self._sums: dict[str, RunningSum] = {}

    def add(self, update: Update) -> None:
        for group, vector in update.vectors.items():
            weight = update.weights[group]
            if weight > 0:
                if group not in self._sums:
                    self._sums[group] = RunningSum(self._groups[group].size)
                self._sums[group].add(vector, weight)

    def means(self) -> dict[str, Vector]:
        """The mean update of each group that has weight; each sum is let go as its mean is made."""
        return {group: self._sums.pop(group).mean() for group in list(self._sums)}

    def finish(self) -> tuple[dict[str, Vector], dict[str, Vector]]:
        moved = {group: self._sums.pop(group).added_to(self._groups[group]) for group in list(self._sums)}
        return {**self._groups, **moved}, dict(self._state)
