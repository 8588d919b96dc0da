"""Kinship: a model for every client, drawn towards the models of those who see alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from fedmtl.aggregation.base import ANY_DOMAIN, Groups, Method, Round, Start, State
from fedmtl.aggregation.gathered import Holder, Matrix, combine
from fedmtl.aggregation.options import require
from fedmtl.aggregation.personal_models import MixingRound, PersonalModels
from fedmtl.aggregation.running_statistics import squared_distances
from fedmtl.exchange.layout import Vector

STATISTICS = "norm_stats"
"""The group that says what a client's images look like."""
PAIR = "kin:"
"""Begins the names of pairs in the state; no client is named like that."""
TINY = 1e-12
"""Least distances are no smaller: beside a twin, nobody else is kin."""


@dataclass(frozen=True)
class Kinship(PersonalModels):
    """Client i is sent (1 − ρ_r)·θ_i + ρ_r·Σ_j w_ij·θ_j, group by group over the group's holders.

    After round r of R, ρ_r = ρ·(1 − r/R): clients begin as one model a domain and end with models of their own.

    w_ij ∝ n_j·k_ij with weights n_j as everywhere, and the kinship k_ij = exp(−τ·(d_ij − m_i)/m_i), m_i the least
    d_ij of the others; k_ii = 1. d_ij is the squared distance of what the normalisation layers of two clients have
    seen (`running_statistics`), as a share of its mean over the round's pairs, averaged over all rounds in which both
    took part; 1 for two that never met. So clients of one domain share what they learn and others hardly do, whatever
    their tasks; who has no kin counts the nearest as such, but where all are alike, all share alike.

    A group that client i does not hold, such as the head of a task that others label, it is sent as
    Σ_j k_ij·θ_j / Σ_j k_ij over the holders j that it has met, with m_i the least d_ij of these.

    Comparing clients by statistics of batch normalisation is the idea of FedAP (Lu et al. 2022, arXiv 2112.00734); the
    rule is ours. Normalisation stays a client's own, weights and statistics, but the statistics travel to the server,
    which no other method asks for. Models without running statistics tell nothing: then all are kin alike.

    Memory: three models a client, two of them in the state before and after a round.

    State: beside the personal models, `kin:<client>/<client>` has the sum and the number of a pair's distances.

    Args:
        share: ρ, of the kin in what a client is sent; it falls to 0 over the run.
        sharpness: τ, how fast kinship falls with distance.

    Raises:
        ConfigError: an option is out of range.
    """

    keeps_private: ClassVar[frozenset[str]] = (Method.keeps_private - {STATISTICS}) | {"norm"}

    share: float = 1.0
    sharpness: float = 4.0

    def __post_init__(self) -> None:
        require(0 <= self.share <= 1, "share", "from 0 to 1", self.share)
        require(0 <= self.sharpness < math.inf, "sharpness", "0 or more, and finite", self.sharpness)

    def start_round(self, start: Start) -> Round:
        return _KinshipRound(self, start)

    def outgoing(
        self, groups: Groups, state: State, client: str, group: str, domain: str = ANY_DOMAIN
    ) -> Vector:
        if f"{client}/{group}" in state:
            return super().outgoing(groups, state, client, group)
        models = {owner: m for name, m in state.items() if (owner := _owner(name, group)) is not None}
        met = {owner: d for owner in models if (d := _distance(state, client, owner)) is not None}
        if not met:
            return groups[group]
        kinship = self.falling(np.array(list(met.values())))
        return combine(kinship[None] / kinship.sum(), [models[owner] for owner in met])[0]

    def kinship(self, distances: Matrix) -> Matrix:
        """k, (K, K), from the d of K clients (K, K)."""
        kinship = np.ones_like(distances)
        for i, row in enumerate(distances):
            others = np.arange(len(row)) != i
            kinship[i, others] = self.falling(row[others])
        return kinship

    def falling(self, distances: Matrix) -> Matrix:
        """The k of one client and others, (K,), from its d of each (K,)."""
        nearest = distances.min(initial=np.inf)
        kinship: Matrix = np.exp(-self.sharpness * (distances - nearest) / max(nearest, TINY))
        return kinship


class _KinshipRound(MixingRound):
    def __init__(self, method: Kinship, start: Start) -> None:
        super().__init__(start)
        self._method = method

    def received(self, client: str, group: str) -> Vector:
        return self._method.outgoing(self.start.groups, self.start.state, client, group)

    def finish(self) -> tuple[dict[str, Vector], dict[str, Vector]]:
        groups, state = super().finish()
        return groups, state | self._met

    def mixing(self, group: str, holders: Sequence[Holder]) -> Matrix:
        itself = np.eye(len(holders))
        if group == STATISTICS:
            return itself
        places = self.places(group)
        weights = self._kinship[np.ix_(places, places)] * [holder.weight for holder in holders]
        share = self._method.share * self.start.clock.left
        mixing: Matrix = (1 - share) * itself + share * weights / weights.sum(axis=1, keepdims=True)
        return mixing

    @cached_property
    def _met(self) -> dict[str, Vector]:
        """The state of each pair that took part in this round, with its new distance."""
        if STATISTICS not in self.holders or len(self.holders[STATISTICS]) < 2:
            return {}
        holders = self.holders[STATISTICS]
        distances = squared_distances(self.start.layouts[STATISTICS], [holder.vector for holder in holders])
        mean = distances.sum() / (len(holders) * (len(holders) - 1))
        met = {}
        for i, one in enumerate(holders):
            for j, other in enumerate(holders[:i]):
                name = _pair(one.client, other.client)
                relative = distances[i, j] / mean if mean > 0 else 1.0
                before = self.start.state.get(name, np.zeros(2, np.float32))
                met[name] = before + np.array([relative, 1], np.float32)
        return met

    @cached_property
    def _kinship(self) -> Matrix:
        distances = np.ones((len(self.clients), len(self.clients)))
        known = {**self.start.state, **self._met}
        for i, one in enumerate(self.clients):
            for j, other in enumerate(self.clients):
                if i != j and (distance := _distance(known, one, other)) is not None:
                    distances[i, j] = distance
        return self._method.kinship(distances)


def _pair(one: str, other: str) -> str:
    return f"{PAIR}{min(one, other)}/{max(one, other)}"


def _distance(state: State, one: str, other: str) -> float | None:
    """The mean of what the rounds found in which both took part; None where there was none."""
    pair = state.get(_pair(one, other))
    return None if pair is None else float(pair[0] / pair[1])


def _owner(name: str, group: str) -> str | None:
    """Whose model of `group` it is that the state has as `name`; None if it is anything else."""
    owner, _, rest = name.partition("/")
    return owner if rest == group and not name.startswith(PAIR) else None
