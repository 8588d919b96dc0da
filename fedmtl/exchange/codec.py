"""How a vector becomes bytes on the wire, and back, without trusting the bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedmtl.errors import ExchangeError
from fedmtl.exchange.finite import all_finite


@dataclass(frozen=True)
class Encoded:
    """A vector on the wire: what a Flower `Array` holds."""

    dtype: str
    shape: tuple[int, ...]
    stype: str
    data: bytes


def encode(vector: NDArray[Any]) -> Encoded:
    """Raw little-endian bytes of a vector: float32, float64, or the unsigned integers of secure sums."""
    dtype = vector.dtype.newbyteorder("<")
    return Encoded(vector.dtype.name, vector.shape, "raw", vector.astype(dtype, copy=False).tobytes())


def decode(encoded: Encoded, size: int, dtype: type[np.number[Any]]) -> NDArray[Any]:
    """The vector, as a read-only view of the bytes.

    Raises:
        ExchangeError: it is not a finite vector of `size` and `dtype`; nothing of the payload is executed.
    """
    agreed = np.dtype(dtype)
    check_form(encoded, "raw", agreed.name, size, size * agreed.itemsize)
    vector = np.frombuffer(encoded.data, agreed.newbyteorder("<"))
    if issubclass(dtype, np.floating) and not all_finite(vector):
        raise ExchangeError("has values that are not finite")
    return vector


def check_form(encoded: Encoded, stype: str, dtype: str, size: int, length: int) -> None:
    """Look at all that can be known of a payload before it is read.

    Args:
        dtype: of what it decodes to.
        size: the length of the vector that it decodes to.
        length: in bytes.

    Raises:
        ExchangeError: it is not as agreed; the end of a sentence about it.
    """
    if encoded.stype != stype:
        raise ExchangeError(f"has the encoding '{encoded.stype}' where '{stype}' was agreed")
    if encoded.dtype != dtype:
        raise ExchangeError(f"has dtype {encoded.dtype} where {dtype} was agreed")
    if tuple(encoded.shape) != (size,):
        raise ExchangeError(f"has shape {tuple(encoded.shape)} where ({size},) was agreed")
    if len(encoded.data) != length:
        raise ExchangeError(f"has {len(encoded.data)} bytes where {size} values of {dtype} take {length}")
