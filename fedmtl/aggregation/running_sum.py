"""The weighted sum of one group's updates, as exact as if it were taken at once, and as fast as memory can be read.

A float32 sum rounds at every update: over a thousand of them, the mean was off by up to 2.5e-6 of its size. In float64
the mean is rounded once, when it is made, which is 1e-7 of it.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedmtl.compiled import kernel
from fedmtl.exchange.layout import Vector
from fedmtl.threads import share_out

Array = NDArray[np.float64]

TOGETHER = 4
"""Vectors of one pass; `_add_four` is for so many."""
BLOCK = 1 << 18
"""Elements that a thread is given at least: fewer are done before another wakes up. Bits do not depend on it."""


class RunningSum:
    """Σ_i w_i v_i over vectors of one size, in the order in which they are added.

    Memory is what bounds it: the sum is four times as long to read and write as a vector is to read. So vectors wait
    until there are four, and the sum is gone through once for all of them, with the same rounding as one by one.

    Memory: one float64 vector, and three of those that were added. Threads: torch's, but for what touches memory that
    is fresh from the system: there threads wait for each other's page faults (two took up to four times one's time).

    Attributes:
        weight: Σ_i w_i.
    """

    def __init__(self, size: int) -> None:
        self.weight = 0.0
        self._total = np.empty(size)
        self._total.fill(0)
        self._waiting: list[tuple[Vector, float]] = []

    def add(self, vector: Vector, weight: float) -> None:
        """Add weight · vector; the vector must not change afterwards.

        Raises:
            ValueError: it has another size.
        """
        self._check(vector)
        self.weight += weight
        self._waiting.append((vector, weight))
        if len(self._waiting) == TOGETHER:
            waiting, self._waiting = self._waiting, []
            _each_block(self._total.size, _add_four, self._total, *chain(*waiting))

    def total(self) -> Array:
        """Σ_i w_i v_i, in the sum's own memory."""
        for vector, weight in self._waiting:
            _each_block(self._total.size, _add_one, self._total, vector, weight)
        self._waiting.clear()
        return self._total

    def mean(self) -> Vector:
        """Σ_i w_i v_i / Σ_i w_i, in float32."""
        total, mean = self.total(), np.empty(self._total.size, np.float32)
        _divide(mean, total, self.weight)
        return mean

    def added_to(self, base: Vector) -> Vector:
        """The mean on top of `base`, rounded to float32 once.

        Raises:
            ValueError: `base` has another size.
        """
        self._check(base)
        total, moved = self.total(), np.empty(self._total.size, np.float32)
        _divide_and_add(moved, base, total, self.weight)
        return moved

    def _check(self, vector: Vector) -> None:
        # Compiled loops do not look where a vector ends.
        if vector.shape != self._total.shape:
            raise ValueError(
                f"a vector of shape {vector.shape} cannot be added to a sum of {self._total.shape}"
            )


def _each_block(size: int, work: Callable[..., None], *arguments: Any) -> None:
    """Call `work(*arguments, start, stop)` for ranges that cover 0 … `size`, on several threads where it is long."""
    share_out(
        -(-size // BLOCK),
        lambda thread, first, last: work(*arguments, first * BLOCK, min(last * BLOCK, size)),
    )


# Over parts of its arrays: for LLVM, an index from `start` on could be negative, and is not made a loop of lanes.


@kernel
def _add_one(total: Array, vector: Vector, weight: float, start: int, stop: int) -> None:
    total, vector = total[start:stop], vector[start:stop]
    for i in range(total.size):
        total[i] += weight * np.float64(vector[i])


@kernel
def _add_four(
    total: Array,
    first: Vector,
    first_weight: float,
    second: Vector,
    second_weight: float,
    third: Vector,
    third_weight: float,
    fourth: Vector,
    fourth_weight: float,
    start: int,
    stop: int,
) -> None:
    total, first, second = total[start:stop], first[start:stop], second[start:stop]
    third, fourth = third[start:stop], fourth[start:stop]
    for i in range(total.size):
        one = total[i] + first_weight * np.float64(first[i])
        two = one + second_weight * np.float64(second[i])
        three = two + third_weight * np.float64(third[i])
        total[i] = three + fourth_weight * np.float64(fourth[i])


@kernel
def _divide(mean: Vector, total: Array, weight: float) -> None:
    for i in range(mean.size):
        mean[i] = total[i] / weight


@kernel
def _divide_and_add(moved: Vector, base: Vector, total: Array, weight: float) -> None:
    for i in range(moved.size):
        moved[i] = np.float64(base[i]) + total[i] / weight
