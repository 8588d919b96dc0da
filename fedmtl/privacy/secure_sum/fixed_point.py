"""Numbers as integers of a ring, in which sums are exact and masks are uniform.

`Means` has 4 bytes a number: slot 0 is the weight, the others are weight times value. `Statistics` has 8 and no
weight: additive counts and sums, for which it is exact or nearly so. Neither can overflow, for as many holders as it
is made for.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fedmtl.errors import ExchangeError

Ring = NDArray[np.uint32] | NDArray[np.uint64]
_PIECE = 1 << 15
"""Numbers at a time: their float64 stay in the cache."""
_ROUNDED = 1 + 2.0**-20
"""So much larger may a value be than the largest, which float32 or a sum of squares may have rounded up."""


class Weighted(NamedTuple):
    """What one client adds to a weighted mean: `values` (n,) float32, finite, and their weight."""

    weight: float
    values: NDArray[np.float32]


@dataclass(frozen=True)
class Means:
    """Weighted values in uint32.

    The weight w ≤ W becomes q = round(w / W · ⌊(2³² − 1) / n⌋), and n of them stay below 2³². Values |v| ≤ R become
    round(w' · v · scale), where w' ∈ [0, 1] is the share that q stands for and

        scale = (⌊(2³¹ − 1) / n⌋ − 1) / (R (1 + 2⁻²⁰) + margin),

    so that each is at most ⌊(2³¹ − 1) / n⌋ − 1, and ½, and what float64 rounds, less than ½; and n of them are
    within int32.

    A mean over m ≤ n clients, whose mean share of W is s, is off by at most 2 n (R + margin) / (2³² s), half of it by
    rounding values and half by rounding weights; then float32 rounds it.

    Args:
        holders: n, the most that can be added up.
        largest_change: R.
        largest_weight: W.
        margin: room for noise, as `mask` may add it: what one client's may come to, in units of a value at weight W.
    """

    holders: int
    largest_change: float
    largest_weight: float
    margin: float = 0.0

    dtype = np.dtype(np.uint32)

    @property
    def scale(self) -> float:
        """What a value of 1 at weight W becomes."""
        return ((2**31 - 1) // self.holders - 1) / (self.largest_change * _ROUNDED + self.margin)

    @property
    def whole(self) -> int:
        """What weight W becomes."""
        return (2**32 - 1) // self.holders

    def length(self, size: int) -> int:
        """The slots of a vector of `size` values."""
        return size + 1

    def encode(self, group: str, what: Weighted) -> NDArray[np.uint32]:
        """Slots of one client.

        Raises:
            ExchangeError: the weight or a value is beyond what was agreed, or not finite; a whole sentence.
        """
        weight, values = float(what.weight), what.values
        if not 0 <= weight <= self.largest_weight:
            raise ExchangeError(
                f"'{group}' has weight {weight:g}, where 0 to {self.largest_weight:g} was agreed"
            )
        slots = np.empty(self.length(values.size), np.uint32)
        slots[0] = round(weight / self.largest_weight * self.whole)
        factor = int(slots[0]) / self.whole * self.scale
        signed = slots[1:].view(np.int32)
        scaled = np.empty(_PIECE)
        for start in range(0, values.size, _PIECE):
            piece = values[start : start + _PIECE]
            largest = max(float(piece.max()), -float(piece.min()))
            if not largest <= self.largest_change * _ROUNDED:
                raise ExchangeError(
                    f"{_too_large(group, largest, self.largest_change)}; raise privacy.largest_change"
                )
            part = np.multiply(piece, factor, out=scaled[: piece.size], dtype=np.float64)
            signed[start : start + _PIECE] = np.rint(part, out=part)
        return slots

    def decode(self, slots: NDArray[Any], holders: tuple[str, ...]) -> GroupSum:
        """What the sum of some clients' slots stands for."""
        weight = int(slots[0]) / self.whole * self.largest_weight
        return GroupSum(holders, weight, slots[1:].view(np.int32), self.largest_weight / self.scale)


@dataclass(frozen=True)
class Statistics:
    """Additive statistics in uint64, as multiples of 2⁻¹⁶.

    Whole numbers are exact; anything else is off by at most 2⁻¹⁷ a client. Each client's numbers are at most
    (⌊(2⁶³ − 1) / n⌋ − 1) / 2¹⁶ in size, 1.4e14 / n, so that n of them are within int64.

    Args:
        holders: n, the most that can be added up.
    """

    holders: int

    dtype = np.dtype(np.uint64)
    scale = 2.0**16

    @property
    def largest(self) -> float:
        """What a number of one client may come to."""
        return ((2**63 - 1) // self.holders - 1) / self.scale

    def length(self, size: int) -> int:
        """The slots of a vector of `size` numbers."""
        return size

    def encode(self, group: str, what: NDArray[np.float64]) -> NDArray[np.uint64]:
        """Slots of one client.

        Raises:
            ExchangeError: a number is too large or not finite; a whole sentence.
        """
        largest = float(np.abs(what).max(initial=0.0))
        if not largest < self.largest:
            raise ExchangeError(_too_large(group, largest, self.largest))
        return np.rint(what * self.scale).astype(np.int64).view(np.uint64)

    def decode(self, slots: NDArray[Any], holders: tuple[str, ...]) -> GroupSum:
        """What the sum of some clients' slots stands for."""
        return GroupSum(holders, float(len(holders)), slots.view(np.int64), 1 / self.scale)


@dataclass(frozen=True, eq=False)
class GroupSum:
    """What the server learns of a group.

    Attributes:
        holders: the clients that are in it.
        weight: the sum of their weights; of statistics, how many they are.
        slots: (n,) int32 or int64, the sum in fixed point.
        unit: what a 1 in a slot stands for.
    """

    holders: tuple[str, ...]
    weight: float
    slots: NDArray[Any]
    unit: float

    @property
    def total(self) -> NDArray[np.float64]:
        """(n,) the sum of weight times value."""
        return self.slots * self.unit

    @property
    def mean(self) -> NDArray[np.float32]:
        """(n,) the weighted mean; zeros where nobody had any weight."""
        mean = np.empty(self.slots.size, np.float32)
        np.multiply(self.slots, self.unit / self.weight if self.weight else 0.0, out=mean, casting="unsafe")
        return mean


def _too_large(group: str, largest: float, agreed: float) -> str:
    if math.isfinite(largest):
        return (
            f"'{group}' has a number as large as {largest:.4g}, where {agreed:.4g} is the most in secure sums"
        )
    return f"'{group}' has values that are not finite"
