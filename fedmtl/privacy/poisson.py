"""Poisson sampling: each of so many by itself, with the same probability."""

from __future__ import annotations

import numpy as np

from fedmtl.privacy.keystream import Keystream

GRAIN = 2.0**-53


def poisson_sample(count: int, rate: float) -> list[int]:
    """Which of 0 … `count` - 1 are drawn, rising; nobody can guess it, as a privacy that rests on it requires.

    Args:
        rate: each one's probability, in [0, 1].
    """
    draws = (Keystream().words(count) >> np.uint64(11)).astype(np.float64) * GRAIN
    drawn: list[int] = np.flatnonzero(draws < rate).tolist()
    return drawn
