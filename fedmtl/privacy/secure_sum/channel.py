"""What passes between two clients in one round through a server that cannot read or change it.

Both derive a secret from their long-term keys and the round's setup. From that come a key for each direction and
purpose: ChaCha20-Poly1305 (RFC 8439) for shares, HMAC-SHA256 for marks.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from fedmtl.errors import ExchangeError
from fedmtl.privacy.secure_sum.derivation import derive

_NONCE_BYTES = 12
OVERHEAD = _NONCE_BYTES + 16
"""Bytes that sealing adds."""


def round_secret(long_term: bytes, digest: bytes) -> bytes:
    """What two clients have in common in one round alone.

    Args:
        long_term: what their long-term keys agree on.
        digest: of the round's setup.
    """
    return derive(long_term, "round", digest)


@dataclass(frozen=True)
class Channel:
    """One client's end.

    Attributes:
        secret: the round's, of this pair.
        where: run, round and the setup's digest, which every seal is bound to.
    """

    client: str
    peer: str
    secret: bytes
    where: bytes

    def seal(self, content: bytes) -> bytes:
        """Content that only the peer can read."""
        nonce = os.urandom(_NONCE_BYTES)
        way = (self.client, self.peer)
        return nonce + self._cipher(*way).encrypt(nonce, content, self._associated(*way))

    def unseal(self, sealed: bytes) -> bytes:
        """What the peer sealed for this client in this round.

        Raises:
            ExchangeError: it did not.
        """
        way = (self.peer, self.client)
        nonce, content = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._cipher(*way).decrypt(nonce, content, self._associated(*way))
        except (InvalidTag, ValueError) as error:
            raise ExchangeError(f"'{self.peer}' did not seal these shares for '{self.client}'") from error

    def mark(self, purpose: str, content: bytes) -> bytes:
        """The word of this client to the peer for `content`, a digest."""
        return self._mark(purpose, self.client, self.peer, content)

    def has_marked(self, purpose: str, content: bytes, found: bytes | None) -> bool:
        """Whether `found` is the peer's word for it to this client."""
        return found is not None and hmac.compare_digest(
            found, self._mark(purpose, self.peer, self.client, content)
        )

    def _cipher(self, sender: str, receiver: str) -> ChaCha20Poly1305:
        return ChaCha20Poly1305(derive(self.secret, "shares", sender, receiver))

    def _associated(self, sender: str, receiver: str) -> bytes:
        return f"{sender}>{receiver}>".encode() + self.where

    def _mark(self, purpose: str, sender: str, receiver: str, content: bytes) -> bytes:
        return hmac.digest(derive(self.secret, purpose, sender, receiver), content, hashlib.sha256)
