"""Secrets from secrets: X25519 (RFC 7748) between two keys, and HKDF-SHA256 (RFC 5869) for a purpose of each."""

from __future__ import annotations

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from fedmtl.errors import ExchangeError

KEY_BYTES = 32


def public_half(private: X25519PrivateKey) -> bytes:
    """The public key of a private one, as it travels."""
    return private.public_key().public_bytes_raw()


def agree(private: X25519PrivateKey, public: bytes) -> bytes:
    """What the two ends of a pair of keys have in common, and nobody else.

    Raises:
        ExchangeError: `public` is one of the few points that make any secret the same; the end of a sentence.
    """
    try:
        return private.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError as error:
        raise ExchangeError("sends a public key that agrees on the same secret with everybody") from error


def derive(secret: bytes, purpose: str, *words: str | bytes) -> bytes:
    """32 bytes that depend on the secret, the purpose and every word, and tell nothing of others'."""
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=_joined(purpose, *words)).derive(secret)


def digest(purpose: str, *words: str | bytes) -> bytes:
    """SHA-256 of what no other purpose or words give."""
    hashed = Hash(SHA256())
    hashed.update(_joined(purpose, *words))
    return hashed.finalize()


def _joined(*words: str | bytes) -> bytes:
    """Each word after its length, so that no two lists of words are the same bytes."""
    raw = [word.encode() if isinstance(word, str) else word for word in ("fedmtl secure sums 1", *words)]
    return b"".join(len(word).to_bytes(4, "big") + word for word in raw)
