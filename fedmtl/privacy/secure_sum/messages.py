"""What the server and the clients of a secure round say to each other, beside the masked vectors.

The order: `Setup` → Deal; `Delivery` → Upload, with a vector a group; where the setup has it, `Request` →
Confirmation; `Request` → Revealed.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from fedmtl.exchange.messages import Name, Payload
from fedmtl.privacy.secure_sum.keys import Key
from fedmtl.privacy.secure_sum.setup import GroupName

Sealed = Annotated[bytes, msgspec.Meta(max_length=1 << 20)]
Mark = Key
"""HMAC-SHA256 from one client to another."""


class Deal(Payload, frozen=True, forbid_unknown_fields=True):
    """A client's secrets of the round, in shares for the other participants.

    Attributes:
        digest: of the setup, as in every message.
        public: the X25519 key of this round, from which pairs of clients derive their masks.
        commitments: group that it holds → hash of the seed of its own mask.
        sealed: receiver → its shares, which the server cannot open.
    """

    client: Name
    digest: Key
    public: Key
    commitments: dict[GroupName, Key]
    sealed: dict[Name, Sealed]


class Delivery(Payload, frozen=True, forbid_unknown_fields=True):
    """What the other participants sealed for one client: those that are still there."""

    digest: Key
    sealed: dict[Name, Sealed]


class Upload(Payload, frozen=True, forbid_unknown_fields=True):
    """What goes with a client's masked vectors.

    Attributes:
        unreadable: whose shares it could not open. It masks nothing with them, and the round goes on without them.
        proofs: receiver → a mark that this client uploaded, and in whose company.
    """

    client: Name
    digest: Key
    unreadable: tuple[Name, ...]
    proofs: dict[Name, Mark]


class Request(Payload, frozen=True, forbid_unknown_fields=True):
    """What the server says happened, so that clients reveal what takes the masks away.

    Attributes:
        view: the participants that could read each other's shares.
        alive: those of them whose upload arrived, which are summed.
        dropped: the others.
        proofs: who is alive → its mark for the receiver.
        confirmations: who confirmed → its mark for the receiver; empty when confirmation is what is asked for.
    """

    digest: Key
    view: tuple[Name, ...]
    alive: tuple[Name, ...]
    dropped: tuple[Name, ...]
    proofs: dict[Name, Mark]
    confirmations: dict[Name, Mark]


class Confirmation(Payload, frozen=True, forbid_unknown_fields=True):
    """What this client was told happened, as a mark for each of the others."""

    client: Name
    digest: Key
    marks: dict[Name, Mark]


class Revealed(Payload, frozen=True, forbid_unknown_fields=True):
    """Shares that open the sums.

    Attributes:
        seeds: who is alive → the shares of the seeds of its own masks, 32 bytes each, of the groups that are opened,
            in their order.
        keys: who dropped out, and holds such a group → the share of its key of this round.
    """

    client: Name
    digest: Key
    seeds: dict[Name, Sealed]
    keys: dict[Name, Key]
