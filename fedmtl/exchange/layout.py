"""Where each tensor of a parameter group lies in the group's flat vector.

A group travels, is summed, clipped, masked and noised as one contiguous float32 vector. Names, shapes and
dtypes are agreed once, by digest, when a client joins; after that a vector's length is all there is to check.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
CHUNK = 1 << 16
"""Elements of a vector that are gone through at a time."""


@dataclass(frozen=True)
class Entry:
    """One tensor of a group."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def size(self) -> int:
        """Number of elements; 1 for a scalar."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Layout:
    """The tensors of a group in their order in the vector."""

    entries: tuple[Entry, ...]

    @cached_property
    def size(self) -> int:
        """Length of the vector."""
        return sum(entry.size for entry in self.entries)

    @cached_property
    def digest(self) -> str:
        """A hash of names, shapes and dtypes: equal digests mean interchangeable vectors."""
        plain = [[entry.name, entry.shape, entry.dtype] for entry in self.entries]
        return hashlib.sha256(json.dumps(plain).encode()).hexdigest()

    def slices(self) -> Iterator[tuple[Entry, slice]]:
        """Each tensor with its place in the vector."""
        start = 0
        for entry in self.entries:
            yield entry, slice(start, start + entry.size)
            start += entry.size

    def split(self, vector: Vector) -> dict[str, NDArray[Any]]:
        """The tensors of a vector under their names, as views where the dtype is float32.

        Integers are rounded back: float32 holds them exactly up to 2²⁴.
        """
        tensors: dict[str, NDArray[Any]] = {}
        for entry, place in self.slices():
            flat: NDArray[Any] = vector[place]
            if np.issubdtype(np.dtype(entry.dtype), np.integer):
                flat = np.rint(flat)
            tensors[entry.name] = flat.astype(entry.dtype, copy=False).reshape(entry.shape)
        return tensors

    def join(self, tensors: Mapping[str, NDArray[Any]]) -> Vector:
        """The vector of tensors under their names; the inverse of `split`.

        Raises:
            KeyError: a tensor is missing.
            ValueError: a tensor has another shape.
        """
        vector = np.empty(self.size, np.float32)
        for entry, place in self.slices():
            if tensors[entry.name].shape != entry.shape:
                raise ValueError(f"{entry.name} has shape {tensors[entry.name].shape}, not {entry.shape}")
            vector[place] = tensors[entry.name].reshape(-1)
        return vector


def norm(vector: Vector) -> float:
    """The L2 norm of a vector, also of a single number's, summed in float64."""
    total = 0.0
    for begin in range(0, vector.size, CHUNK):
        part = vector[begin : begin + CHUNK].astype(np.float64)
        total += float(part @ part)
    return math.sqrt(total)
