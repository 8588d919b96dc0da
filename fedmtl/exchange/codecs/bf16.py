"""Two bytes a value: the upper half of a float32, rounded to nearest, ties to even."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fedmtl.compiled import kernel
from fedmtl.errors import ExchangeError
from fedmtl.exchange.codecs.base import Codec
from fedmtl.exchange.layout import Layout, Vector

Bits = NDArray[np.uint16]


@dataclass(frozen=True)
class Bf16(Codec):
    """bfloat16: float32's range with 8 bits of precision, an error of at most 2⁻⁹ of each value."""

    tag: ClassVar[str] = "bf16/1"

    def length(self, layout: Layout) -> int:
        return 2 * layout.size

    def pack(self, vector: Vector, layout: Layout) -> bytes:
        halves = np.empty(layout.size, np.uint16)
        if not _round(np.ascontiguousarray(vector).view(np.uint32), halves):
            raise ExchangeError("has values that are not finite, or too large for bfloat16")
        return halves.astype("<u2", copy=False).tobytes()

    def unpack(self, data: bytes, layout: Layout) -> Vector:
        halves = np.frombuffer(data, "<u2").astype(np.uint16, copy=False)
        bits = np.empty(layout.size, np.uint32)
        if not _widen(halves, bits):
            raise ExchangeError("has values that are not finite")
        return bits.view(np.float32)


@kernel
def _round(bits: NDArray[np.uint32], halves: Bits) -> Any:
    """Fill in `halves`; whether all of them are finite."""
    largest = np.uint32(0)
    for i in range(bits.size):
        value = bits[i]
        odd = np.uint32(value >> np.uint32(16)) & np.uint32(1)
        # Of a NaN it may run over into the sign, so the value that was rounded is looked at as well.
        rounded = np.uint32(value + np.uint32(0x7FFF) + odd)
        halves[i] = np.uint16(rounded >> np.uint32(16))
        larger = np.uint32(max(value & np.uint32(0x7FFFFFFF), rounded & np.uint32(0x7FFFFFFF)))
        largest = larger if larger > largest else largest
    return largest < np.uint32(0x7F800000)


@kernel
def _widen(halves: Bits, bits: NDArray[np.uint32]) -> Any:
    """Fill in `bits`; whether all of them are finite."""
    largest = np.uint32(0)
    for i in range(halves.size):
        half = np.uint32(halves[i])
        bits[i] = half << np.uint32(16)
        magnitude = np.uint32(half & np.uint32(0x7FFF))
        largest = magnitude if magnitude > largest else largest
    return largest < np.uint32(0x7F80)
