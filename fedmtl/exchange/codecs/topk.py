"""The few largest values, and where they are; all others travel later, by error feedback.

Sparsified SGD with memory: Stich, Cordonnier, Jaggi 2018, arXiv 1809.07599.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from fedmtl.errors import ConfigError, ExchangeError
from fedmtl.exchange.codecs.base import Codec
from fedmtl.exchange.finite import all_finite
from fedmtl.exchange.layout import Layout, Vector


@dataclass(frozen=True)
class TopK(Codec):
    """Of each group, the share `fraction` of its values with the largest magnitudes; of equal ones the first.

    Bytes: the places, rising, as uint32, then the values as float32.

    Args:
        fraction: of the values, in (0, 1]; each takes 8 bytes.
    """

    tag: ClassVar[str] = "topk/1"

    fraction: float = 0.01

    def __post_init__(self) -> None:
        if not 0 < self.fraction <= 1:
            raise ConfigError(f"topk: fraction must be in (0, 1], not {self.fraction}")

    def count(self, layout: Layout) -> int:
        """How many values travel."""
        return math.ceil(self.fraction * layout.size)

    def length(self, layout: Layout) -> int:
        return 8 * self.count(layout)

    def pack(self, vector: Vector, layout: Layout) -> bytes:
        if not all_finite(np.ascontiguousarray(vector)):
            raise ExchangeError("has values that are not finite")
        places = _largest(np.abs(vector), self.count(layout))
        values = vector[places]
        return places.astype("<u4").tobytes() + values.astype("<f4", copy=False).tobytes()

    def unpack(self, data: bytes, layout: Layout) -> Vector:
        count = self.count(layout)
        places = np.frombuffer(data, "<u4", count).astype(np.int64)
        if count and not ((np.diff(places) > 0).all() and places[-1] < layout.size):
            raise ExchangeError("has places that do not rise, or beyond its end")
        values = np.frombuffer(data, "<f4", count, 4 * count).astype(np.float32)
        if not all_finite(values):
            raise ExchangeError("has values that are not finite")
        vector = np.zeros(layout.size, np.float32)
        vector[places] = values
        return vector


def _largest(magnitudes: Vector, count: int) -> NDArray[np.int64]:
    """The places of the `count` largest, rising; of equal ones the first."""
    if count == 0:
        return np.empty(0, np.int64)
    threshold = np.partition(magnitudes, magnitudes.size - count)[magnitudes.size - count]
    above = np.flatnonzero(magnitudes > threshold)
    equal = np.flatnonzero(magnitudes == threshold)[: count - above.size]
    return np.sort(np.concatenate([above, equal]))
