"""One byte a value, and two a channel for its scale."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fedmtl.compiled import kernel
from fedmtl.errors import ExchangeError
from fedmtl.exchange.codecs.base import Codec
from fedmtl.exchange.layout import Layout, Vector
from fedmtl.threads import share_out

LARGEST = 127

Ends = NDArray[np.int64]
Halves = NDArray[np.uint16]


@dataclass(frozen=True)
class Int8(Codec):
    """Symmetric linear quantisation: round(v / s), in −127 … 127, ties to even, with a scale s per channel.

    A channel is a slice of a tensor along its first axis, which is a weight's output channel; a tensor of fewer than
    two axes is one channel. s is the channel's largest magnitude / 127, rounded up to a bfloat16, so that nothing is
    ever clipped. The error is at most s / 2 a value. Bytes: the scales of all channels, then all values.
    """

    tag: ClassVar[str] = "int8/1"

    def length(self, layout: Layout) -> int:
        return 2 * _channels(layout).size + layout.size

    def pack(self, vector: Vector, layout: Layout) -> bytes:
        ends = _channels(layout)
        scales, values = np.empty(ends.size, np.uint16), np.empty(layout.size, np.int8)
        found = []

        def work(thread: int, first: int, last: int) -> None:
            found.append(_quantise(vector, ends, first, last, scales, values))

        share_out(ends.size, work)
        if not all(found):
            raise ExchangeError("has values that are not finite")
        return scales.astype("<u2", copy=False).tobytes() + values.tobytes()

    def unpack(self, data: bytes, layout: Layout) -> Vector:
        ends = _channels(layout)
        halves = np.frombuffer(data, "<u2", ends.size).astype(np.uint32)
        scales = (halves << np.uint32(16)).view(np.float32)
        # −128 does not occur; if it arrives, it must not overflow either.
        if not (scales >= 0).all() or not (scales <= np.finfo(np.float32).max / (LARGEST + 1)).all():
            raise ExchangeError("has a scale that is negative, not finite or too large")
        values = np.frombuffer(data, np.int8, layout.size, 2 * ends.size)
        vector = np.empty(layout.size, np.float32)
        share_out(ends.size, lambda thread, first, last: _scale(values, scales, ends, first, last, vector))
        return vector


@lru_cache(maxsize=256)
def _channels(layout: Layout) -> Ends:
    """Where each channel of the vector ends, rising."""
    lengths: list[int] = []
    for entry in layout.entries:
        if entry.size:
            channels = entry.shape[0] if len(entry.shape) >= 2 else 1
            lengths.extend([entry.size // channels] * channels)
    return np.cumsum(lengths, dtype=np.int64)


@kernel
def _largest(part: Vector) -> Any:
    """The bits of the largest magnitude; those of a NaN are larger than any number's."""
    magnitudes, found = part.view(np.uint32), np.uint32(0)
    for i in range(magnitudes.size):
        magnitude = np.uint32(magnitudes[i] & np.uint32(0x7FFFFFFF))
        found = magnitude if magnitude > found else found
    return found


@kernel
def _quantise(
    vector: Vector, ends: Ends, first: int, last: int, scales: Halves, values: NDArray[np.int8]
) -> Any:
    """Fill in the channels from `first` to before `last`; whether their values are finite."""
    for channel in range(first, last):
        start = ends[channel - 1] if channel else 0
        part, codes = vector[start : ends[channel]], values[start : ends[channel]]
        largest = np.uint32(_largest(part))
        if largest >= np.uint32(0x7F800000):
            return False
        exact = np.float32(largest.view(np.float32) / np.float32(LARGEST))
        half = (np.uint64(exact.view(np.uint32)) + np.uint64(0xFFFF)) >> np.uint64(16)
        scales[channel] = np.uint16(half)
        if largest:
            scale = np.uint32(half << np.uint64(16)).view(np.float32)
            for i in range(codes.size):
                codes[i] = np.int8(np.rint(part[i] / scale))
        else:
            codes[:] = 0
    return True


@kernel
def _scale(
    values: NDArray[np.int8], scales: Vector, ends: Ends, first: int, last: int, vector: Vector
) -> None:
    """Fill in the channels from `first` to before `last`."""
    for channel in range(first, last):
        start = ends[channel - 1] if channel else 0
        part, codes, scale = vector[start : ends[channel]], values[start : ends[channel]], scales[channel]
        for i in range(codes.size):
            part[i] = np.float32(codes[i]) * scale
