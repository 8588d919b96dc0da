"""What server and clients say to each other under secure sums, beside what `fedmtl.privacy.secure_sum` has for it.

Before `train` and `evaluate` goes `deal`, which gives every participant a share of the others' secrets; after it
`unmask`, by which the sums are opened, and between the two, where keys are signed, `confirm`.
"""

from __future__ import annotations

from fedmtl.exchange.messages import (
    Amount,
    Count,
    EvaluateInstruction,
    Federation,
    Instruction,
    Membership,
    Name,
    Payload,
)
from fedmtl.privacy.secure_sum import Delivery, PublicKey, Request, Setup, Upload


class SecureMembership(Membership, frozen=True, forbid_unknown_fields=True):
    """A membership, with the client's key of this run."""

    key: PublicKey


class DealInstruction(Payload, frozen=True, forbid_unknown_fields=True):
    """Who takes part in a round, and in which sums: answered by a `Deal`."""

    federation: Federation
    round: Count
    setup: Setup


class SecureInstruction(Instruction, frozen=True, forbid_unknown_fields=True):
    """What to do in a round, answered by a `SecureReport`.

    Attributes:
        attempt: the setup's.
        delivery: what the other participants have dealt to this client.
        noise: group → the noise multiplier of its sum, of which every client adds a share; empty where there is none.
    """

    attempt: str
    delivery: Delivery
    noise: dict[str, Amount]


class SecureEvaluateInstruction(EvaluateInstruction, frozen=True, forbid_unknown_fields=True):
    """Likewise, to evaluate."""

    attempt: str
    delivery: Delivery


class SecureReport(Payload, frozen=True, forbid_unknown_fields=True):
    """One client's training or evaluation; beside it travel its masked vectors, and nothing else of it."""

    client: Name
    round: Count
    upload: Upload


class RequestInstruction(Payload, frozen=True, forbid_unknown_fields=True):
    """What the sums are to be opened for: answered by a `Confirmation` or a `Revealed`."""

    federation: Federation
    round: Count
    attempt: str
    request: Request
