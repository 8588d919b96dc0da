"""Shamir's secret sharing over GF(2⁸), a byte at a time (Shamir, "How to share a secret", 1979).

A secret of L bytes is L constant terms of polynomials of degree `threshold` − 1, whose other coefficients are random.
Holder x has their values at x: `threshold` of them give the secret, and fewer are independent of it, whatever one can
compute. There are 255 places, because the field has no more than 255 elements beside 0.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]

MOST_HOLDERS = 255
_POLYNOMIAL = 0x11D
"""x⁸ + x⁴ + x³ + x² + 1, of which x is a primitive root: its powers are all elements but 0."""


def _tables() -> tuple[Bytes, Bytes]:
    powers, logarithms = np.zeros(255, np.uint8), np.zeros(256, np.int64)
    element = 1
    for exponent in range(255):
        powers[exponent], logarithms[element] = element, exponent
        element <<= 1
        if element & 0x100:
            element ^= _POLYNOMIAL
    product = powers[(logarithms[:, None] + logarithms[None, :]) % 255]
    product[0, :] = product[:, 0] = 0
    inverse = powers[-logarithms % 255]
    return product, inverse


_PRODUCT, _INVERSE = _tables()
"""(256, 256): a · b; and (256,): 1 / a, which means nothing at 0."""


def split(secret: bytes, holders: int, threshold: int) -> list[bytes]:
    """The shares of a secret, each as long as it; the first is that of place 1.

    Args:
        holders: at most 255.
        threshold: how many shares give the secret back.
    """
    if not 1 <= threshold <= holders <= MOST_HOLDERS:
        raise ValueError(f"{threshold} of {holders} shares, where there are at most {MOST_HOLDERS}")
    random = np.frombuffer(os.urandom((threshold - 1) * len(secret)), np.uint8).reshape(
        threshold - 1, len(secret)
    )
    constant = np.frombuffer(secret, np.uint8)
    shares = []
    for place in range(1, holders + 1):
        value = np.zeros_like(constant)
        for coefficients in random:
            value = _PRODUCT[place][value ^ coefficients]
        shares.append((value ^ constant).tobytes())
    return shares


def combine(places: Sequence[int], shares: Sequence[Bytes]) -> Bytes:
    """The secret behind as many shares as its threshold; others than those that were made give another secret.

    Args:
        places: whose shares they are, each once.
        shares: of equal shape.
    """
    secret = np.zeros_like(shares[0])
    for weight, share in zip(_weights(tuple(places)), shares, strict=True):
        secret ^= _PRODUCT[weight][share]
    return secret


@lru_cache(maxsize=8)
def _weights(places: tuple[int, ...]) -> list[int]:
    """Lagrange's at 0: of each place, the product over the others of other / (other − place); minus is xor."""
    weights = []
    for place in places:
        weight = 1
        for other in places:
            if other != place:
                weight = int(_PRODUCT[_PRODUCT[weight, other], _INVERSE[other ^ place]])
        weights.append(weight)
    return weights
