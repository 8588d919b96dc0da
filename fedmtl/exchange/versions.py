"""Versions of a group's values, known by their digest, and the way from one to the next.

Values go down as what was added to others that the client has. Both sides compute the sum in the same way, so both
have the same bits afterwards, and what a lossy codec left out is part of the next difference: error feedback without
any memory but the values themselves.
"""

from __future__ import annotations

import hashlib

import numpy as np

from fedmtl.errors import ExchangeError
from fedmtl.exchange.codec import Encoded
from fedmtl.exchange.codecs import Codec
from fedmtl.exchange.finite import all_finite
from fedmtl.exchange.layout import Layout, Vector


def digest(vector: Vector) -> str:
    """A hash of a vector's little-endian bytes, 32 hexadecimal digits."""
    return hashlib.blake2b(np.ascontiguousarray(vector, "<f4").data, digest_size=16).hexdigest()


def encode_difference(vector: Vector, base: Vector, codec: Codec, layout: Layout) -> tuple[Encoded, Vector]:
    """The difference of `vector` from `base` as it travels, and what a client that has `base` makes of it.

    Raises:
        ExchangeError: the difference has no finite float32 values, or none after the codec.
    """
    with np.errstate(over="ignore"):
        encoded = codec.encode(vector - base, layout)
    return encoded, add_difference(encoded, base, codec, layout)


def add_difference(encoded: Encoded, base: Vector, codec: Codec, layout: Layout) -> Vector:
    """The values of which `encoded` is the difference from `base`.

    Raises:
        ExchangeError: it is no such difference; the end of a sentence about it.
    """
    with np.errstate(over="ignore"):
        vector: Vector = base + codec.decode(encoded, layout)
    if not all_finite(vector):
        raise ExchangeError("has values that are not finite")
    return vector
