"""Which sums leave the clients at all: those over enough holders. The others stay with the clients that train them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from fedmtl.aggregation import Method


class Sum(NamedTuple):
    """A sum over clients that train a group.

    Attributes:
        domain: that of all its clients; empty where the method adds up across domains.
        bucket: which of them, where the method wants several sums of a group.
    """

    group: str
    domain: str = ""
    bucket: int = 0

    @property
    def name(self) -> str:
        """What it is called on the wire, for example `backbone`, `street|head/depth` or `backbone#1`."""
        domain = f"{self.domain}|" if self.domain else ""
        return f"{domain}{self.group}{f'#{self.bucket}' if self.bucket else ''}"

    @classmethod
    def parse(cls, name: str) -> Sum:
        """The inverse of `name`: neither groups nor domains have these signs in them."""
        *domain, rest = name.split("|", 1)
        group, _, bucket = rest.partition("#")
        return cls(group, domain[0] if domain else "", int(bucket) if bucket.isdecimal() else 0)


def sum_of(method: Method, group: str, domain: str) -> Sum:
    """The sum in which a client of `domain` takes part with `group`."""
    return Sum(group, domain if method.within_domains else "")


def staying(
    held: Iterable[Iterable[str]], least: int, leaving: frozenset[str] | None = None
) -> tuple[str, ...]:
    """The names of the sums that nobody takes part in, in order: their groups are as good as private.

    Args:
        held: the names of each client's sums.
        least: holders that a sum must have to be taken.
        leaving: the sums that are taken since the run's first round: whether a group stays at home is settled then,
            because a client has one value of a private group and another of a shared one. None before that.
    """
    holders = Counter(name for names in held for name in names)
    if leaving is not None:
        return tuple(sorted(set(holders) - leaving))
    return tuple(sorted(name for name, count in holders.items() if count < least))
