"""What of a noisy mean is more likely signal than noise; whatever is made of what was released costs no privacy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from fedmtl.aggregation.base import ANY_DOMAIN, Round, Update
from fedmtl.exchange.layout import Vector
from fedmtl.privacy.holders import Sum


class Denoised(Round):
    """A round whose method gets noisy means of updates shrunk by as much as they are likely to be noise.

    Args:
        inner: the method's round.
        deviations: sum → the standard deviation of the noise in each number of its mean.

    Attributes:
        signal: of every sum so far, its mean's `signal_share`.
    """

    def __init__(self, inner: Round, deviations: Mapping[Sum, float]) -> None:
        self._inner = inner
        self._sums = {(one.group, one.domain or ANY_DOMAIN): one for one in deviations}
        self._deviations = deviations
        self.signal: dict[Sum, float] = {}

    def add(self, update: Update) -> None:
        vectors = {}
        for group, vector in update.vectors.items():
            one = self._sums[group, update.domain]
            self.signal[one] = share = signal_share(vector, self._deviations[one])
            vectors[group] = np.float32(share) * vector
        self._inner.add(replace(update, vectors=vectors))

    def finish(self) -> tuple[dict[str, Vector], dict[str, Vector]]:
        return self._inner.finish()


def signal_share(mean: Vector, deviation: float) -> float:
    """How much of a noisy mean is signal, the rest being noise: κ = max(0, 1 − (d − 2) σ² / ‖y‖²), in [0, 1].

    κ·y is the positive-part James-Stein estimate of what the mean was. In three dimensions and more its expected
    squared error is below that of y itself, whatever the mean was (James and Stein 1961; for differential privacy Balle
    and Wang 2018, arXiv 1805.06530). Where noise drowns the update, a group stays about where it is, instead of being
    led away by noise.

    Args:
        mean: y, of shape (d,).
        deviation: σ, of the noise in each number of it.
    """
    square = float(np.sum(np.square(mean, dtype=np.float64)))
    if mean.size <= 2 or square == 0:
        return 1.0
    return max(0.0, 1 - (mean.size - 2) * deviation**2 / square)
