"""A model of one's own, which every round begins part of the way to everybody's mean, and ever less of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from fedmtl.aggregation.base import Clock, Method, Phase
from fedmtl.aggregation.fedavg import FedAvg
from fedmtl.aggregation.options import require
from fedmtl.exchange.layout import Vector


@dataclass(frozen=True)
class Blend(FedAvg):
    """Client i trains θ_i from (1 − ρ_r)·θ_i + ρ_r·θ̄ on, group by group, where θ̄ is the mean of its holders' θ.

    In round r of R, ρ_r = ρ·(1 − (r − 1)/R): what clients do not share of their training is averaged out while there
    is most of it, and they end with their own tasks and scenes. Normalisation stays a client's own, weights and
    statistics. ρ = 0 is training alone.

    The server needs no more than sums over holders, so it works under secure sums. State: the client's own model,
    at the client.

    Args:
        share: ρ, of everybody in what a client starts from; it falls to 0 over the run.

    Raises:
        ConfigError: ρ is not in [0, 1].
    """

    keeps_private: ClassVar[frozenset[str]] = Method.keeps_private | {"norm"}

    share: float = 1.0

    def __post_init__(self) -> None:
        require(0 <= self.share <= 1, "share", "from 0 to 1", self.share)

    def personal(self, group: str) -> bool:
        return True

    def begin(self, group: str, received: Vector | None, kept: Vector, clock: Clock) -> Vector:
        if received is None:
            return kept
        share = self.share * Clock(clock.round - 1, clock.rounds).left
        return kept + share * (received - kept)

    def phases(self, clock: Clock) -> Sequence[Phase]:
        return (Phase(personal=True),)
