"""From canaries to an ε: one-shot empirical privacy estimation (Andrew et al. 2023, arXiv 2302.03098), group by group.

A canary adds a random unit direction in each group, as long as a client may. What is released of a group of d values
has some cosine with it. Had the canary not taken part, √d times that would have mean 0 and variance 1, because
directions are uniform on a sphere; so would the sum over G groups over √G, its score. Canaries that did take part show
the score's mean μ. How well N(μ, 1) can be told from N(0, 1) is an ε at a δ. Where every group has a noise z of its
own, μ is √G/z at most, which is what an accountant has for G groups: nothing of how they compose is lost.

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


def score(released: Mapping[str, Vector], direction: Mapping[str, Vector]) -> float:
    """Σ_g √d_g · cos(released_g, direction_g) / √G over the G groups of a direction; 0 in a group that did not move."""
    cosines = [
        math.sqrt(vector.size) * _cosine(released[group].astype(np.float64), vector.astype(np.float64))
        for group, vector in direction.items()
    ]
    return sum(cosines) / math.sqrt(len(cosines))


def estimate_epsilon(scores: NDArray[np.float64], delta: float) -> Estimate:
    """The ε that the canaries' scores amount to, with the interval that follows from that of their mean.

    Args:
        scores: one a canary, at least two.
    """
    half = NORMAL_QUANTILE * max(float(scores.std(ddof=1)), 1.0) / math.sqrt(scores.size)
    mean = float(scores.mean())
    value, low, high = (gaussian_epsilon(max(one, 0.0), delta) for one in (mean, mean - half, mean + half))
    return Estimate(value, low, high)


def _cosine(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / lengths if lengths else 0.0


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
