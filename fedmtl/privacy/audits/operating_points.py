"""How well a score tells members from non-members: the whole curve, and where false alarms are rare."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

Scores = NDArray[np.float64]
CONFIDENCE = 0.95
NORMAL_QUANTILE = 1.959963984540054


class Estimate(NamedTuple):
    """A value and its confidence interval, at 95 %."""

    value: float
    low: float
    high: float


def auc(members: Scores, others: Scores) -> Estimate:
    """The probability that a member scores higher than another, ties counted half.

    The interval is that of DeLong et al. (1988), cut to [0, 1].
    """
    wins = 0.5 * ((members[:, None] > others[None]).astype(np.float64) + (members[:, None] >= others[None]))
    value = float(wins.mean())
    variance = sum(
        float(side.var(ddof=1)) / side.size if side.size > 1 else 0.25
        for side in (wins.mean(axis=1), wins.mean(axis=0))
    )
    half = NORMAL_QUANTILE * math.sqrt(variance)
    return Estimate(value, max(value - half, 0.0), min(value + half, 1.0))


def tpr_at_fpr(members: Scores, others: Scores, rate: float) -> Estimate:
    """The share of members above the lowest threshold that at most `rate` of the others exceed.

    The interval is that of Clopper and Pearson (1934) for the members; the threshold counts as given. With fewer than
    1/rate others, none may exceed it.
    """
    allowed = math.floor(rate * others.size)
    threshold = np.sort(others)[::-1][allowed]
    return clopper_pearson(int((members > threshold).sum()), members.size)


def clopper_pearson(count: int, trials: int) -> Estimate:
    """A proportion with its exact interval."""
    tail = (1 - CONFIDENCE) / 2
    low = float(beta.ppf(tail, count, trials - count + 1)) if count else 0.0
    high = float(beta.ppf(1 - tail, count + 1, trials - count)) if count < trials else 1.0
    return Estimate(count / trials, low, high)
