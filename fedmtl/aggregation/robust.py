"""What robust methods share: a rule over a group's holders that a minority of them cannot lead far astray.

Holders count alike. A weight is a client's own claim, and one that claims many images would need no accomplices.

Buckets (Karimireddy et al. 2022, arXiv 2006.09365): the rule is applied to means over a few holders each, drawn anew in
every round. Holders whose data differ then differ less, and the server needs no more than each bucket's sum, so that
the rule works under secure sums. One attacker spoils its whole bucket: in buckets of s, the rule has s times the share
of attackers to withstand, at the worst.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fedmtl.aggregation.base import Method, Round, Start, Update
from fedmtl.aggregation.gathered import Gathered, Holder, combine
from fedmtl.aggregation.options import require
from fedmtl.exchange.layout import Vector
from fedmtl.seeding import key


@dataclass(frozen=True)
class Robust(Method):
    """Every group moves by a robust mean of its holders' updates; a subclass says which.

    Memory: a round's updates, and with buckets their means.

    Args:
        bucket: holders in a bucket, at the least; 1: each is by itself. Fewer than two buckets' worth are one bucket.

    Raises:
        ConfigError: there is less than one in a bucket.
    """

    streaming: ClassVar[bool] = False
    counts_alike: ClassVar[bool] = True

    bucket: int = 1

    def __post_init__(self) -> None:
        require(self.bucket >= 1, "bucket", "1 or more", self.bucket)

    @property
    def needs_only_sums(self) -> bool:
        return self.bucket > 1

    def buckets(self, holders: Sequence[str], seed: int, round_number: int) -> list[list[str]]:
        # One order for all groups: those with equal holders have equal buckets, so that sums of several groups do not
        # tell, put together, what a sum of one does not.
        order = sorted(holders, key=lambda client: key(seed, "buckets", round_number, client))
        parts = np.array_split(np.arange(len(order)), max(len(order) // self.bucket, 1))
        return [[order[place] for place in part] for part in parts]

    def start_round(self, start: Start) -> Round:
        return _RobustRound(self, start)

    @abstractmethod
    def combine(self, vectors: Sequence[Vector], clients: int) -> Vector:
        """The robust mean of one group's vectors, (D,), whatever their order.

        Args:
            vectors: one or more: updates, or means of buckets.
            clients: whose updates are in them, altogether.
        """


@dataclass(frozen=True)
class AttackersCounted(Robust):
    """A robust rule that is told how many attackers there are to withstand.

    Args:
        attackers: the largest share of a group's holders that may be malicious.

    Raises:
        ConfigError: the share is not in [0, 0.5), or there is less than one in a bucket.
    """

    attackers: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.attackers < 0.5, "attackers", "in [0, 0.5)", self.attackers)


def attackers_among(clients: int, share: float) -> int:
    """How many of a group's holders may be malicious: that share of them, rounded up, so that it is one at least."""
    return math.ceil(share * clients - 1e-9)


class _RobustRound(Gathered):
    def __init__(self, method: Robust, start: Start) -> None:
        super().__init__(start)
        self._method = method
        self._clients: dict[str, int] = {}
        self._summed = False

    def add(self, update: Update) -> None:
        super().add(update)
        self._summed |= bool(update.holders)
        for group, weight in update.weights.items():
            if weight > 0:
                self._clients[group] = self._clients.get(group, 0) + update.holders_of(group)

    def finish(self) -> tuple[dict[str, Vector], dict[str, Vector]]:
        groups = dict(self.start.groups)
        for group, holders in self.holders.items():
            groups[group] = groups[group] + self._method.combine(self._points(holders), self._clients[group])
        return groups, dict(self.start.state)

    def _points(self, holders: Sequence[Holder]) -> list[Vector]:
        """What the rule is applied to: the holders' vectors, or the mean of each bucket."""
        vectors = [holder.vector for holder in holders]
        if self._summed or self._method.bucket == 1:
            return vectors
        clients = [holder.client for holder in holders]
        buckets = self._method.buckets(clients, self.start.seed, self.start.clock.round)
        means = np.array([[(client in bucket) / len(bucket) for client in clients] for bucket in buckets])
        return combine(means, vectors)
