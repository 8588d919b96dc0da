"""Checks that an answer was signed by the registered site that it claims to come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from flwr.app import Message

from fedmtl.deployment.keys import SiteKeys
from fedmtl.deployment.registered import Registered
from fedmtl.errors import ExchangeError
from fedmtl.exchange.envelope import PAYLOAD, SIGNATURE, unpack
from fedmtl.exchange.signature import check_signature


@dataclass(frozen=True)
class Signatures:
    """Checks answers against the roster keys of the registered sites.

    Attributes:
        registered: sites.json, read anew for every answer, so that a site which is revoked has said its last; None
            where nobody signs, as in a simulation, which has one user and no network.
    """

    registered: Path | None

    @property
    def are_checked(self) -> bool:
        """Whether there is a roster to check them against."""
        return self.registered is not None

    def roster_key(self, client: str) -> Ed25519PublicKey | None:
        """The key that `client` signs with; None where nobody signs.

        Raises:
            ExchangeError: it is not registered.
        """
        if self.registered is None:
            return None
        return self._registered(self.registered, client).roster

    def check(self, client: str, reply: Message) -> None:
        """Raises ExchangeError where `client` is not registered, or did not sign this answer to this question."""
        if self.registered is None:
            return
        site = self._registered(self.registered, client)
        text, vectors = unpack(reply.content)
        signature = reply.content[PAYLOAD].get(SIGNATURE)
        question, kind = reply.metadata.reply_to_message_id, reply.metadata.message_type
        check_signature(site.roster, signature, question, kind, text, vectors)

    @staticmethod
    def _registered(path: Path, client: str) -> SiteKeys:
        site = Registered.load(path).sites.get(client)
        if site is None:
            raise ExchangeError(f"answers as '{client}', which is not a registered site")
        return site


NOBODY_SIGNS = Signatures(None)
