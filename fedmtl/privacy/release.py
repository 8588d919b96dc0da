"""One release of noised sums: what the accountant has to know of it."""

from __future__ import annotations

from typing import Literal, Self

import msgspec

Kind = Literal["everybody", "poisson", "fixed"]


class Release(msgspec.Struct, frozen=True):
    """Sums over the clients of a round, with Gaussian noise, seen as one.

    Attributes:
        kind: how the round's clients were drawn: all of them, each by itself, or a fixed number of them.
        multiplier: the noise's standard deviation over what one client can add, over all its sums together.
        rate: the probability that a client is drawn (poisson).
        drawn: how many were (fixed),
        clients: and of how many.
    """

    kind: Kind
    multiplier: float
    rate: float = 1.0
    drawn: int = 0
    clients: int = 0

    @classmethod
    def everybody(cls, multiplier: float) -> Self:
        """Every client takes part, or whoever sees the release knows who did."""
        return cls("everybody", multiplier)

    @classmethod
    def poisson(cls, multiplier: float, rate: float) -> Self:
        """Each client takes part with probability `rate`, whatever the others do, and nobody else knows who."""
        return cls("poisson", multiplier, rate=rate) if rate < 1 else cls.everybody(multiplier)

    @classmethod
    def fixed(cls, multiplier: float, drawn: int, clients: int) -> Self:
        """`drawn` of `clients` take part, any set of them as likely as any other, and nobody else knows who."""
        return cls("fixed", multiplier, drawn=drawn, clients=clients)
