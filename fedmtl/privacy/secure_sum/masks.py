"""Masks: ChaCha20's keystream (RFC 8439), added to a vector of integers modulo 2³² or 2⁶⁴.

A stream is added as it is made, a piece at a time that fits into the processor's cache, for all streams of a vector
before the next piece: the vector is gone through once, however many masks there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from numpy.typing import NDArray

SEED_BYTES = 32
"""All of ChaCha20's key."""
_PIECE = 1 << 17
"""Bytes."""
_ZEROS = bytes(_PIECE)
_NONCE = bytes(16)
"""Every seed is for one stream alone, so that no two streams differ in the nonce only."""


def add_masks(vector: NDArray[Any], plus: Iterable[bytes], minus: Iterable[bytes] = ()) -> None:
    """Add the streams of some seeds to a vector and take those of others from it, in place.

    Args:
        vector: (n,), uint32 or uint64, contiguous.
        plus, minus: seeds of 32 bytes.
    """
    streams = [(np.add, _stream(seed)) for seed in plus] + [(np.subtract, _stream(seed)) for seed in minus]
    mask = np.empty(_PIECE // vector.itemsize, vector.dtype.newbyteorder("<"))
    raw = mask.data.cast("B")
    for start in range(0, vector.size, mask.size):
        piece = vector[start : start + mask.size]
        for fold, stream in streams:
            stream.update_into(memoryview(_ZEROS)[: piece.nbytes], raw[: piece.nbytes])
            fold(piece, mask[: piece.size], out=piece)


def _stream(seed: bytes) -> Any:
    if len(seed) != SEED_BYTES:
        raise ValueError(f"a mask's seed has {SEED_BYTES} bytes, not {len(seed)}")
    return Cipher(algorithms.ChaCha20(seed, _NONCE), mode=None).encryptor()
