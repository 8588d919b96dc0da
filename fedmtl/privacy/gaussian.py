"""Gaussian noise from the operating system's randomness, and how it is added."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fedmtl.privacy.keystream import Keystream

Noise = Callable[[int], NDArray[np.float64]]
"""n → n values of N(0, 1) on the grid, unpredictable."""

CHUNK = 1 << 16
GRID = 2.0**-30
"""What values are rounded to, in standard deviations. Doubles that a formula reaches have gaps by which noise could be
told from sums (Mironov 2012); the grid is coarser than those. Sums are rounded to it as well, or what they are beside
it would be told in full; what is rounded afterwards costs no privacy."""


def standard_normal(size: int) -> NDArray[np.float64]:
    """`size` independent values of N(0, 1), by Box and Muller from two 64-bit words each pair; none is beyond 9.5."""
    stream, values = Keystream(), np.empty(size)
    for begin in range(0, size, CHUNK):
        part = values[begin : begin + CHUNK]
        half = -(-part.size // 2)
        first, second = stream.words(2 * half).reshape(2, half)
        radius = np.sqrt(-2 * np.log((first.astype(np.float64) + 1) * 2.0**-64))
        angle = second.astype(np.float64) * (2 * np.pi * 2.0**-64)
        part[:half] = radius * np.cos(angle)
        part[half:] = (radius * np.sin(angle))[: part.size - half]
        np.multiply(np.rint(part / GRID), GRID, out=part)
    return values


def add_noise(total: NDArray[np.float64], deviation: float, noise: Noise = standard_normal) -> None:
    """Add noise of a standard deviation to a vector, in place; all of it is then on the noise's own grid."""
    unit = deviation * GRID
    total /= unit
    np.rint(total, out=total)
    total += noise(total.size) / GRID
    total *= unit


def for_rounding(multiplier: float, size: int) -> float:
    """How much wider noise is because `add_noise` rounds: that moves two neighbours up to one unit further apart.

    So they are 1/z + √d · GRID deviations apart, which 1 + 2 z √d · GRID times the deviation makes up for.

    Args:
        multiplier: z, of all that is released together.
        size: d, the numbers that are.
    """
    return 1 + 2 * multiplier * math.sqrt(size) * GRID
