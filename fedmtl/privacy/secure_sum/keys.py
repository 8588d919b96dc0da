"""A client's long-term key of a run, and the keys of the others as it saw them first.

A server hands the keys around, so it could hand around its own. With a roster, each key is signed by what the roster
has for its client (Ed25519), and the server is not trusted in this; without one, whoever relies on the keys trusts the
server to have been honest when each was seen first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Self

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from fedmtl.errors import ExchangeError, RefusalError
from fedmtl.exchange.messages import Payload
from fedmtl.privacy.secure_sum.derivation import agree, digest, public_half
from fedmtl.privacy.secure_sum.kept import Kept

Key = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Roster = Mapping[str, Ed25519PublicKey]
RULE = "secure-sums"


class PublicKey(Payload, frozen=True, forbid_unknown_fields=True):
    """A client's long-term public key of a run.

    Attributes:
        key: X25519.
        signature: of it, the run and the client's name, by the client's roster key; None where it has none.
    """

    key: Key
    signature: Annotated[bytes, msgspec.Meta(min_length=64, max_length=64)] | None = None


def check_public_key(
    client: str, run: str, public: PublicKey, roster_key: Ed25519PublicKey | None = None
) -> None:
    """Raises ExchangeError where a key cannot be its client's; the end of a sentence about that.

    Args:
        roster_key: what it must be signed by; None where there is no roster.
    """
    agree(X25519PrivateKey.generate(), public.key)
    if roster_key is None:
        return
    if public.signature is None:
        raise ExchangeError("has a key for secure sums that is not signed")
    try:
        roster_key.verify(public.signature, _signed(run, client, public.key))
    except InvalidSignature as error:
        raise ExchangeError("has a key for secure sums that its roster key did not sign") from error


class Keyring(Kept):
    """What one client keeps of a run, in a file that only it can read.

    Attributes:
        private: its long-term key.
        pinned: client → the public key that it was seen with first.
        attempts: the rounds that it began; none begins twice.
    """

    called: ClassVar[str] = "a client's keys for secure sums are"

    run: str
    client: str
    private: Key
    pinned: dict[str, Key]
    attempts: set[str]

    @classmethod
    def create(cls, run: str, client: str) -> Self:
        """With a new key."""
        private = X25519PrivateKey.generate()
        return cls(run, client, private.private_bytes_raw(), {client: public_half(private)}, set())

    def public_key(self, roster_key: Ed25519PrivateKey | None = None) -> PublicKey:
        """The public half, for the server and through it for the others."""
        public = self.pinned[self.client]
        signed = _signed(self.run, self.client, public)
        return PublicKey(public, roster_key.sign(signed) if roster_key else None)

    def check(self, keys: Mapping[str, PublicKey], roster: Roster | None) -> None:
        """Compare the keys that the server says clients have with what is known, and pin what is new.

        Raises:
            RefusalError: a key is not the one that was seen first, or not signed by its client's entry in the roster.
        """
        for client, public in keys.items():
            if roster is not None and client not in roster:
                raise RefusalError(RULE, f"the server names client '{client}', which is not in the roster")
            try:
                check_public_key(client, self.run, public, roster[client] if roster is not None else None)
            except ExchangeError as error:
                raise RefusalError(RULE, f"client '{client}' {error}") from error
            if self.pinned.get(client, public.key) != public.key:
                raise RefusalError(
                    RULE,
                    f"the server gives another key for client '{client}' than before: somebody may stand between; "
                    "if the client lost its key, it can take part in the next run",
                )
        self.pinned.update({client: public.key for client, public in keys.items()})


def _signed(run: str, client: str, key: bytes) -> bytes:
    return digest("long-term key", run, client, key)
