"""Bounds that follow a quantile of the clients' norms (Andrew et al. 2021, arXiv 1905.03871, algorithm 1).

Each client says of each bound whether its update is within it. The share of those that are, with noise, moves it:
C ← C · exp(−η (share − γ)). What the noisy counts tell of a client is part of the round's release: the counts have a
fixed part of its budget, and the sums' noise grows by what that takes, so that the release as a whole costs the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

COUNTS_SHARE = 0.05
"""Of the budget: z⁻² is divided in this proportion."""
RATE = 0.2
"""η, as in the paper."""


def sums_multiplier(multiplier: float) -> float:
    """The noise multiplier that is left for a sum, where its count has `COUNTS_SHARE`."""
    return multiplier / math.sqrt(1 - COUNTS_SHARE)


def count_deviation(multiplier: float) -> float:
    """The standard deviation of the noise in a count. A client changes it by ±½, when ½ is taken off for each."""
    return 0.5 * multiplier / math.sqrt(COUNTS_SHARE)


def next_bound(bound: float, share: float, quantile: float) -> float:
    """The bound after a round.

    Args:
        share: of the clients whose norms were within it, with noise.
        quantile: γ, the share that shall be.
    """
    return bound * math.exp(-RATE * (min(max(share, 0.0), 1.0) - quantile))


def next_bounds(
    bounds: Mapping[str, float],
    counts: Mapping[str, float],
    expected: Mapping[str, float],
    quantile: float,
) -> dict[str, float]:
    """All bounds after a round.

    Args:
        counts: bound → Σ over clients of ½ where they are within it and −½ where not, with noise.
        expected: bound → how many clients were to be counted; bounds that are not in it stay.
    """
    return {
        name: next_bound(bound, counts[name] / expected[name] + 0.5, quantile) if name in expected else bound
        for name, bound in bounds.items()
    }
