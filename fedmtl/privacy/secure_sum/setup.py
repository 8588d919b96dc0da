"""What all participants of one secure round must agree on: who they are, which groups are summed, and over whom.

Its digest goes into every key, seal and mark of the round, so two clients that were told different things do not
understand each other.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Annotated, Literal, Self

import msgspec

from fedmtl.exchange.messages import Count, Name, Payload, Positive
from fedmtl.privacy.secure_sum import derivation
from fedmtl.privacy.secure_sum.fixed_point import Means, Statistics
from fedmtl.privacy.secure_sum.keys import PublicKey
from fedmtl.privacy.secure_sum.shamir import MOST_HOLDERS

FEWEST_HOLDERS = 3
"""A sum over two tells each of them the other's part."""
GroupName = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Kind = Literal["mean", "statistics"]
_Bound = Annotated[float, msgspec.Meta(gt=0)]


class Group(Payload, frozen=True, forbid_unknown_fields=True):
    """A vector that is summed.

    Attributes:
        holders: the participants that have a part in it, sorted.
        size: how many numbers it has.
        kind: a weighted mean, of float32, or additive statistics, of float64.
    """

    holders: tuple[Name, ...]
    size: Positive
    kind: Kind = "mean"


class Setup(Payload, frozen=True, forbid_unknown_fields=True):
    """One secure round, as the server proposes it to every participant.

    Attributes:
        attempt: random, of this attempt at the round: a repeated round is another one, with other secrets.
        keys: participant → its long-term public key.
        groups: none has fewer holders than `min_holders`.
        min_holders: k, the fewest clients of which a sum may be opened.
        largest_change, largest_weight, margin: see `fixed_point.Means`.
        confirm: before clients reveal anything, they tell each other what each was told.
    """

    run: Name
    round: Count
    attempt: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{32}\Z")]
    keys: dict[Name, PublicKey]
    groups: dict[GroupName, Group]
    min_holders: Annotated[int, msgspec.Meta(ge=FEWEST_HOLDERS)]
    largest_change: _Bound
    largest_weight: _Bound
    margin: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    confirm: bool = False

    @classmethod
    def create(
        cls,
        run: str,
        round: int,
        keys: Mapping[str, PublicKey],
        groups: Mapping[str, Group],
        *,
        min_holders: int,
        largest_change: float,
        largest_weight: float,
        margin: float = 0.0,
        confirm: bool = False,
    ) -> Self:
        """A new attempt at a round, without the groups that too few hold.

        Raises:
            ValueError: it makes no sense, for example with more than 255 participants.
        """
        enough = {name: group for name, group in groups.items() if len(group.holders) >= min_holders}
        attempt = os.urandom(16).hex()
        return cls(
            run,
            round,
            attempt,
            dict(keys),
            enough,
            min_holders,
            largest_change,
            largest_weight,
            margin,
            confirm,
        )

    def __post_init__(self) -> None:
        if not self.min_holders <= len(self.keys) <= MOST_HOLDERS:
            raise ValueError(
                f"secure sums are for {self.min_holders} to {MOST_HOLDERS} participants, not {len(self.keys)}"
            )
        if not all(map(math.isfinite, (self.largest_change, self.largest_weight, self.margin))):
            raise ValueError("a bound of secure sums is not finite")
        for name, group in self.groups.items():
            if list(group.holders) != sorted(set(group.holders)) or not set(group.holders) <= set(self.keys):
                raise ValueError(f"the holders of '{name}' are participants, each once and sorted")
            if len(group.holders) < self.min_holders:
                raise ValueError(f"'{name}' has {len(group.holders)} holders, fewer than {self.min_holders}")

    @property
    def participants(self) -> tuple[str, ...]:
        """Sorted; a participant's place in Shamir's sharing is its index + 1."""
        return tuple(sorted(self.keys))

    def place(self, client: str) -> int:
        """Where a participant's shares lie on the polynomials."""
        return self.participants.index(client) + 1

    @property
    def threshold(self) -> int:
        """t, how many participants must help to open anything.

        More than half of those that have shares: each of them tells of a client either how to take away its own
        masks, if it is alive, or those that it has with others, if it dropped out; so no two of these can be had both.
        Were c participants to lie for the server, it would have to be more than (n + c) / 2.
        """
        return max(self.min_holders, len(self.keys) // 2 + 1)

    @property
    def digest(self) -> bytes:
        """32 bytes that stand for all of it."""
        return derivation.digest("setup", msgspec.json.encode(self, order="deterministic"))

    def held_by(self, client: str) -> list[str]:
        """The groups that a participant has a part in, sorted."""
        return sorted(name for name, group in self.groups.items() if client in group.holders)

    def present(self, group: str, clients: frozenset[str]) -> list[str]:
        """Those of some clients that hold a group, sorted."""
        return [holder for holder in self.groups[group].holders if holder in clients]

    def summed(self, clients: frozenset[str]) -> list[str]:
        """The groups that enough of some clients hold, sorted."""
        return sorted(g for g in self.groups if len(self.present(g, clients)) >= self.min_holders)

    def fixed_point(self, group: str) -> Means | Statistics:
        """How a group's numbers become integers."""
        holders = len(self.groups[group].holders)
        if self.groups[group].kind == "statistics":
            return Statistics(holders)
        return Means(holders, self.largest_change, self.largest_weight, self.margin)
