"""Random bits for noise that nobody may guess: ChaCha20 under a key of the operating system's.

Noise hides nothing from one who can compute it, so it never comes from the run's seed, which every client knows, nor
from a generator whose state can be found from what it gave. Nothing of a key is kept: no noise can be drawn twice.
"""

from __future__ import annotations

import secrets

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from numpy.typing import NDArray

KEY_BYTES = 32
MOST_WORDS = 1 << 32
"""A key's stream has 256 GB, which are 32 times as many words."""


class Keystream:
    """Uniform 64-bit words, from a fresh 256-bit key of the operating system's random source."""

    def __init__(self) -> None:
        self._renew()

    def words(self, count: int) -> NDArray[np.uint64]:
        """The next `count` words, read-only."""
        if self._left < count:
            self._renew()
        self._left -= count
        return np.frombuffer(self._stream.update(bytes(8 * count)), "<u8").astype(np.uint64, copy=False)

    def _renew(self) -> None:
        # Counter and nonce may be zero, because no key is used twice.
        cipher = Cipher(ChaCha20(secrets.token_bytes(KEY_BYTES), bytes(16)), mode=None)
        self._stream, self._left = cipher.encryptor(), MOST_WORDS
