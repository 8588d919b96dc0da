"""Means of what lies in the middle, coordinate by coordinate: median and trimmed mean.

Values are sorted by a network of minima and maxima of whole rows, which are vector instructions; NumPy's partition,
which takes one column at a time, needs many times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fedmtl.exchange.layout import Vector

BLOCK = 1 << 12
"""Coordinates at a time: the rows of 32 clients then fit into a core's own cache."""


def middle_mean(vectors: Sequence[Vector], cut: int) -> Vector:
    """The mean of each coordinate's values but the `cut` smallest and the `cut` largest, summed in float64.

    Memory: beside the result, a block.

    Args:
        vectors: N of one size, finite.
        cut: less than N / 2.
    """
    count, size = len(vectors), vectors[0].size
    middle = np.empty(size, np.float32)
    for begin in range(0, size, BLOCK):
        place = slice(begin, begin + BLOCK)
        rows = sort_columns([np.array(vector[place]) for vector in vectors])
        middle[place] = np.mean(rows[cut : count - cut], axis=0, dtype=np.float64)
    return middle


def median(vectors: Sequence[Vector]) -> Vector:
    """Each coordinate's median; of an even number of values, the mean of the two in the middle."""
    return middle_mean(vectors, (len(vectors) - 1) // 2)


def sort_columns(rows: list[NDArray[np.float32]]) -> list[NDArray[np.float32]]:
    """Rows of one size with each column's values in rising order; the rows given are used up."""
    spare = np.empty_like(rows[0])
    for low, high in _comparators(len(rows)):
        np.minimum(rows[low], rows[high], out=spare)
        np.maximum(rows[low], rows[high], out=rows[high])
        rows[low], spare = spare, rows[low]
    return rows


@lru_cache(maxsize=64)
def _comparators(count: int) -> tuple[tuple[int, int], ...]:
    """Pairs that sort any `count` values when each is put in order, one after another.

    Batcher's merge exchange (Knuth, The Art of Computer Programming, volume 3, algorithm 5.2.2M).
    """
    pairs = []
    largest = 1 << max(count - 1, 0).bit_length() >> 1
    step = largest
    while step > 0:
        distance, residue, width = step, 0, largest
        while True:
            pairs += [(i, i + distance) for i in range(count - distance) if i & step == residue]
            if width == step:
                break
            distance, residue, width = width - step, step, width // 2
        step //= 2
    return tuple(pairs)
