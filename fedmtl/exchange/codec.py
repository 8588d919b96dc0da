"""How a vector becomes bytes on the wire, and back, without trusting the bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedmtl.errors import ExchangeError


@dataclass(frozen=True)
class Encoded:
    """A vector on the wire: what a Flower `Array` holds."""

    dtype: str
    shape: tuple[int, ...]
    stype: str
    data: bytes


def encode(vector: NDArray[Any]) -> Encoded:
    """Raw little-endian bytes of a float32 or float64 vector."""
    dtype = vector.dtype.newbyteorder("<")
    return Encoded(vector.dtype.name, vector.shape, "raw", vector.astype(dtype, copy=False).tobytes())


def decode(encoded: Encoded, size: int, dtype: type[np.floating[Any]]) -> NDArray[Any]:
    """The vector, as a read-only view of the bytes.

    Raises:
        ExchangeError: it is not a finite vector of `size` and `dtype`; nothing of the payload is executed.
    """
    name = np.dtype(dtype).name
    if encoded.stype != "raw":
        raise ExchangeError(f"has the unknown encoding '{encoded.stype}'")
    if encoded.dtype != name:
        raise ExchangeError(f"has dtype {encoded.dtype} where {name} was agreed")
    if tuple(encoded.shape) != (size,):
        raise ExchangeError(f"has shape {tuple(encoded.shape)} where ({size},) was agreed")
    if len(encoded.data) != size * np.dtype(dtype).itemsize:
        raise ExchangeError(f"has {len(encoded.data)} bytes where {size} values of {name} were agreed")
    vector = np.frombuffer(encoded.data, np.dtype(dtype).newbyteorder("<"))
    # A sum in which one value is not finite is not finite either; looked for one by one, it takes several times longer.
    with np.errstate(over="ignore", invalid="ignore"):
        suspicious = not np.isfinite(vector.sum())
    if suspicious and not np.isfinite(vector).all():
        raise ExchangeError("has values that are not finite")
    return vector
