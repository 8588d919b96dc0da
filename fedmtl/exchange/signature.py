"""A site's signature under everything that it answers, by the roster key whose public half it handed over.

Flower authenticates the node behind a connection. This says, whatever carried it, which site gave this answer to this
very question: not another site's, not an older one, nothing changed on the way. Ed25519 (RFC 8032).
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from fedmtl.errors import ExchangeError
from fedmtl.exchange.codec import Encoded

_VERSION = "fedmtl answer 1"
"""Begins what is signed, so that a signature for this purpose is none for another."""


def sign(
    key: Ed25519PrivateKey, question: str, kind: str, text: object, vectors: Mapping[str, Encoded]
) -> bytes:
    """The signature of an answer, 64 bytes.

    Args:
        question: Flower's id of the message that is answered; no two have the same.
        kind: Flower's type of it.
        text: the answer's payload.
        vectors: by name, as they travel.
    """
    return key.sign(_signed(question, kind, str(text), vectors))


def check_signature(
    key: Ed25519PublicKey,
    signature: object,
    question: str,
    kind: str,
    text: object,
    vectors: Mapping[str, Encoded],
) -> None:
    """Raises ExchangeError where `signature` is not that of this answer by `key`."""
    if not isinstance(signature, bytes) or not isinstance(text, str):
        raise ExchangeError("gives an answer that is not signed")
    try:
        key.verify(signature, _signed(question, kind, text, vectors))
    except InvalidSignature as error:
        raise ExchangeError("gives an answer that its roster key did not sign") from error


def _signed(question: str, kind: str, text: str, vectors: Mapping[str, Encoded]) -> bytes:
    """What is signed. JSON keeps the parts apart: no two answers have the same."""
    parts = [
        (name, vector.dtype, vector.shape, vector.stype, sha256(vector.data).hexdigest())
        for name, vector in sorted(vectors.items())
    ]
    return msgspec.json.encode([_VERSION, question, kind, sha256(text.encode()).hexdigest(), parts])
