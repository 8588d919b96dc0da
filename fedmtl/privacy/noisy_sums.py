"""A round in which the method sees noisy sums of clipped updates, and no client's update.

Clients count alike, whatever weight they claim: how many images one has is a part of its data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from fedmtl.aggregation.base import ANY_DOMAIN, Method, Round, Update
from fedmtl.aggregation.running_sum import RunningSum
from fedmtl.config.privacy import ClipKind
from fedmtl.exchange.layout import Vector
from fedmtl.privacy.client_level import Mechanism
from fedmtl.privacy.clipping import WHOLE, factors
from fedmtl.privacy.gaussian import Noise, add_noise, for_rounding, standard_normal
from fedmtl.privacy.holders import Sum, sum_of


class NoisySums(Round):
    """Gives the method (Σ_i min(1, C_g / ‖Δ_ig‖) Δ_ig + N(0, (z_g C_g)²)) / (q N_g), as the update of one client.

    Where a method averages within domains, there is one sum a domain, and one such client for each. Every sum that a
    client of the federation could be in gets noise in every round, or who took part would be seen.

    Memory beside the method's own: a `RunningSum` for each sum.

    Args:
        inner: the method's round.
        sizes: group → the length of its vectors.
        enter: called before any noise is drawn; enters the release into the ledger.
        noise: n → n values of N(0, 1), unpredictable.

    Attributes:
        counts: once it is finished, bound → the noisy count of clients, each ½ within it and −½ beyond; see
            `fedmtl.privacy.adaptive_clipping`. Empty where bounds do not adapt.
    """

    def __init__(
        self,
        inner: Round,
        method: Method,
        mechanism: Mechanism,
        sizes: Mapping[str, int],
        enter: Callable[[], None],
        noise: Noise = standard_normal,
    ) -> None:
        self._inner, self._method, self._mechanism = inner, method, mechanism
        self._sizes, self._enter, self._noise = sizes, enter, noise
        self._sums: dict[Sum, RunningSum] = {}
        self.counts = dict.fromkeys(mechanism.counts, 0.0)
        released = sum(sizes[one.group] for one in mechanism.expected) + len(mechanism.counts)
        self._wider = for_rounding(mechanism.release.multiplier, released)

    def add(self, update: Update) -> None:
        """Clip and add one client's update.

        Raises:
            ExchangeError: a value is not finite; nothing of the update is added.
        """
        scale = factors(update.vectors, self._mechanism.bounds, self._mechanism.by)
        for group, vector in update.vectors.items():
            self._sum(sum_of(self._method, group, update.domain)).add(vector, scale[group])
        if self._mechanism.by is ClipKind.flat:
            scale = {WHOLE: min(scale.values())} if scale else {}  # all groups of a client may stay with it
        for name in self.counts.keys() & scale.keys():
            self.counts[name] += 0.5 if scale[name] == 1 else -0.5

    def total(self, one: Sum) -> NDArray[np.float64]:
        """What a sum has so far, without noise."""
        return self._sum(one).total()

    def finish(self) -> tuple[dict[str, Vector], dict[str, Vector]]:
        self._enter()
        updates: dict[str, tuple[dict[str, Vector], dict[str, float]]] = {}
        for one, expected in self._mechanism.expected.items():
            vectors, weights = updates.setdefault(one.domain or ANY_DOMAIN, ({}, {}))
            vectors[one.group], weights[one.group] = self._noised(one, expected), expected
        for domain, (vectors, weights) in updates.items():
            holders = {group: max(round(weight), 1) for group, weight in weights.items()}
            self._inner.add(Update(f"all of {domain}", vectors, weights, domain, holders))
        for name, deviation in self._mechanism.counts.items():
            count = np.array([self.counts[name]])
            add_noise(count, deviation * self._wider, self._noise)
            self.counts[name] = float(count[0])
        return self._inner.finish()

    def _sum(self, one: Sum) -> RunningSum:
        if one not in self._sums:
            self._sums[one] = RunningSum(self._sizes[one.group])
        return self._sums[one]

    def _noised(self, one: Sum, expected: float) -> Vector:
        total = self.total(one)
        add_noise(total, self._mechanism.deviation(one.group) * self._wider, self._noise)
        total /= expected
        del self._sums[one]
        return total.astype(np.float32)
