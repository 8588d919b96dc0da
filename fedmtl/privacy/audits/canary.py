"""From canaries' cosines to an ε: one-shot empirical privacy estimation (Andrew et al. 2023, arXiv 2302.03098).

A canary adds a random unit direction, as long as a client may. What is released has some cosine with it. Had the
canary not taken part, that cosine would be N(0, 1/d), because directions are uniform on a sphere in d dimensions;
canaries that did take part show its mean μ. How well N(μ, 1/d) can be told from N(0, 1/d) is an ε at a δ.

It is an estimate and no bound: of this attacker, and with a normal tail beyond the canaries. The paper fits the
variance as well, to a thousand canaries; with a few dozen, an error in it would decide about the tail, so here it is
the known one. An accountant's ε below the interval is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from fedmtl.exchange.layout import Vector
from fedmtl.privacy.audits.operating_points import NORMAL_QUANTILE, Estimate

LARGEST = 1e6
"""The largest ε that is looked for."""
STEPS = 100
"""Of the search, which halves its range."""


def cosine(released: Mapping[str, Vector], direction: Mapping[str, Vector]) -> float:
    """The cosine of what was released with a canary's direction, over the groups of the direction."""
    product = square = length = 0.0
    for group, vector in direction.items():
        seen, own = released[group].astype(np.float64), vector.astype(np.float64)
        product += float(seen @ own)
        square += float(seen @ seen)
        length += float(own @ own)
    return product / math.sqrt(square * length) if square else 0.0


def estimate_epsilon(cosines: NDArray[np.float64], dimensions: int, delta: float) -> Estimate:
    """The ε that the canaries' cosines amount to, with the interval that follows from that of their mean.

    Args:
        cosines: one a canary, at least two.
        dimensions: of the directions.
    """
    scaled = cosines * math.sqrt(dimensions)
    half = NORMAL_QUANTILE * max(float(scaled.std(ddof=1)), 1.0) / math.sqrt(scaled.size)
    mean = float(scaled.mean())
    value, low, high = (gaussian_epsilon(max(one, 0.0), delta) for one in (mean, mean - half, mean + half))
    return Estimate(value, low, high)


def gaussian_epsilon(mean: float, delta: float) -> float:
    """The least ε ≥ 0 at which N(mean, 1) and N(0, 1) are (ε, δ)-indistinguishable, at most `LARGEST`.

    It solves δ(ε) = Φ(μ/2 − ε/μ) − e^ε Φ(−μ/2 − ε/μ) (Balle and Wang 2018).
    """
    if mean <= 0:
        return 0.0

    def exceeds(epsilon: float) -> bool:
        first = math.exp(log_ndtr(mean / 2 - epsilon / mean))
        return first - math.exp(epsilon + log_ndtr(-mean / 2 - epsilon / mean)) > delta

    if not exceeds(0.0):
        return 0.0
    below, above = 0.0, LARGEST
    for _ in range(STEPS):
        middle = (below + above) / 2
        below, above = (middle, above) if exceeds(middle) else (below, middle)
    return above
