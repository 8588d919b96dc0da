"""A model of one's own, which every round begins part of the way to its domain's mean, and ever less of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from fedmtl.aggregation.base import ANY_DOMAIN, Clock, Groups, Method, Phase, Round, Start, State
from fedmtl.aggregation.domain_means import DomainMeans, of_domain
from fedmtl.aggregation.options import require
from fedmtl.exchange.layout import Vector


@dataclass(frozen=True)
class Blend(Method):
    """Client i trains θ_i from (1 − ρ_r)·θ_i + ρ_r·θ̄_d on, group by group, θ̄_d the mean of its holders in i's domain d.

    In round r of R, ρ_r = ρ·(1 − (r − 1)/R): what clients do not share of their training is averaged out while there
    is most of it, and they end with their own tasks and scenes. Normalisation stays a client's own, weights and
    statistics. ρ = 0 is training alone. Where θ̄_d last moved by a mean that was noisy for privacy's sake, ρ_r is
    multiplied by that mean's share of signal: nobody is drawn to where noise has kept a domain.

    A domain is what kind of images a client says it has (`domain` of a scenario's client, which is its source unless
    it says otherwise, and of a site). Averaging across domains loses to staying at home; `kinship` finds domains by
    itself, for which the server has to see each client's statistics.

    The server needs no more than sums over a domain's holders, so it works under secure sums. State: the client's own
    model, at the client; a model a domain, at the server.

    Args:
        share: ρ, of the domain in what a client starts from; it falls to 0 over the run.

    Raises:
        ConfigError: ρ is not in [0, 1].
    """

    keeps_private: ClassVar[frozenset[str]] = Method.keeps_private | {"norm"}
    within_domains: ClassVar[bool] = True

    share: float = 1.0

    def __post_init__(self) -> None:
        require(0 <= self.share <= 1, "share", "from 0 to 1", self.share)

    def start_round(self, start: Start) -> Round:
        return DomainMeans(start)

    def outgoing(
        self, groups: Groups, state: State, client: str, group: str, domain: str = ANY_DOMAIN
    ) -> Vector:
        return of_domain(groups, state, domain, group)

    def personal(self, group: str) -> bool:
        return True

    def begin(
        self, group: str, received: Vector | None, kept: Vector, clock: Clock, signal: float = 1.0
    ) -> Vector:
        if received is None:
            return kept
        share = signal * self.share * Clock(clock.round - 1, clock.rounds).left
        return kept + share * (received - kept)

    def phases(self, clock: Clock) -> Sequence[Phase]:
        return (Phase(personal=True),)
