"""The weighted mean over the holders of each domain, folded one update at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fedmtl.aggregation.base import Groups, Round, Start, State, Update
from fedmtl.aggregation.gathered import combine
from fedmtl.aggregation.mean import WeightedMean
from fedmtl.exchange.layout import Vector


def of_domain(groups: Groups, state: State, domain: str, group: str) -> Vector:
    """The mean of a domain; the group itself, which is the mean of the last round's domains, where it has none."""
    return state.get(f"{domain}/{group}", groups[group])


class DomainMeans(Round):
    """In each domain d, θ_gd + Σ_i w_ig Δ_ig / Σ_i w_ig over those clients i of the domain that hold group g.

    Memory: in the state, before and after, a model a domain; while it folds, a sum for each.

    State: `<domain>/<group>` has the domain's mean.
    """

    def __init__(self, start: Start) -> None:
        self._start = start
        self._means: dict[str, WeightedMean] = {}
        self._weights: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))

    def add(self, update: Update) -> None:
        if update.domain not in self._means:
            groups, state = self._start.groups, self._start.state
            own = {group: of_domain(groups, state, update.domain, group) for group in groups}
            self._means[update.domain] = WeightedMean(replace(self._start, groups=own))
        self._means[update.domain].add(update)
        for group, weight in update.weights.items():
            if weight > 0:
                self._weights[group][update.domain] += weight

    def finish(self) -> tuple[dict[str, Vector], dict[str, Vector]]:
        groups, state = dict(self._start.groups), dict(self._start.state)
        after = {domain: mean.finish()[0] for domain, mean in self._means.items()}
        for group, weights in self._weights.items():
            models = {domain: after[domain][group] for domain in weights}
            state |= {f"{domain}/{group}": model for domain, model in models.items()}
            groups[group] = _mean(list(models.values()), np.array(list(weights.values())))
        return groups, state


def _mean(models: Sequence[Vector], weights: NDArray[np.float64]) -> Vector:
    """The weighted mean; of a single one itself, so that where all are of one domain there is one model."""
    return models[0] if len(models) == 1 else combine(weights[None] / weights.sum(), models)[0]
