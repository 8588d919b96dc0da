"""FedAMP (Huang et al. 2021, arXiv 2007.03797): federated attentive message passing.

Every client i keeps a model θ_i; the server sends it a message u_i, to which it stays near while it trains:

    u_i = Σ_{j≠i} ξ_ij θ_j + (1 − Σ_{j≠i} ξ_ij) θ_i,    ξ_ij = α_k·exp(−‖θ_i − θ_j‖²/σ)/σ,
    θ_i ← argmin F_i(θ) + λ/(2α_k)·‖θ − u_i‖².
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from torch import Tensor

from fedmtl.aggregation.base import ANY_DOMAIN, Clock, Groups, Method, Phase, Round, Start, State
from fedmtl.aggregation.gathered import Gathered, Matrix, combine, gramian, squared_distances
from fedmtl.aggregation.options import require
from fedmtl.aggregation.proximal import proximal_term
from fedmtl.exchange.layout import Vector

WEIGHTS = "weights:"
"""In the state, precedes the name of a group whose ξ follow, row by row; no client is named like that."""


@dataclass(frozen=True)
class FedAMP(Method):
    """The rule above for each group, over the clients that hold it, whichever round they last took part in.

    Distances differ by orders of magnitude from group to group and as training goes on, so ours are relative. With
    K holders and the mean s of their squared distances, σ is `sigma`·s and α_k is `alpha`·σ/(K − 1): then
    ξ_ij = `alpha`/(K − 1)·exp(−‖θ_i − θ_j‖²/(`sigma`·s)), and what a client keeps of its own, 1 − Σ ξ_ij, is never
    below 1 − `alpha`, which the paper leaves to the choice of α_k. The group itself, which newcomers and those who
    only read it are sent, is the plain mean of the θ_j.

    State: `<client>/<group>` is θ_i, the client's copy as the server last learned it, and `weights:<group>` the
    (K, K) matrix of ξ, clients by name. A u_i is made when it is sent, and again when its update arrives.

    Args:
        alpha: the most that the others weigh together in u_i.
        sigma: the distance at which attention falls off, in mean squared distances of the group.
        pull: λ/α_k, of the client's model to u_i.

    Raises:
        ConfigError: an option is out of range.
    """

    streaming: ClassVar[bool] = False

    alpha: float = 0.5
    sigma: float = 1.0
    pull: float = 0.1

    def __post_init__(self) -> None:
        require(0 <= self.alpha <= 1, "alpha", "from 0 to 1", self.alpha)
        require(0 < self.sigma < math.inf, "sigma", "above 0, and finite", self.sigma)
        require(0 <= self.pull < math.inf, "pull", "0 or more, and finite", self.pull)

    def personal(self, group: str) -> bool:
        return True

    def phases(self, clock: Clock) -> Sequence[Phase]:
        return (Phase(personal=True),)

    def local_term(
        self, phase: Phase, parameters: Sequence[Tensor], received: Sequence[Tensor]
    ) -> Tensor | None:
        return proximal_term(self.pull, parameters, received)

    def start_round(self, start: Start) -> Round:
        return AttentiveRound(start, self)

    def outgoing(
        self, groups: Groups, state: State, client: str, group: str, domain: str = ANY_DOMAIN
    ) -> Vector:
        """u_i; the group itself where the server knows no model of the client."""
        names = _holders(state, group)
        if client not in names:
            return groups[group]
        row = state[WEIGHTS + group].reshape(len(names), len(names))[names.index(client)]
        return combine(row[None], [state[f"{name}/{group}"] for name in names])[0]

    def weights(self, models: Sequence[Vector]) -> Matrix:
        """ξ of the holders' models, (K, K), with what is left to a client's own on the diagonal; rows sum to 1."""
        distances = squared_distances(gramian(models, centred=True))
        others = max(len(models) - 1, 1)
        mean = distances.sum() / (len(models) * others)
        xi = self.alpha / others * np.exp(-distances / (self.sigma * mean or 1.0))
        np.fill_diagonal(xi, 0)
        return xi + np.diag(1 - xi.sum(axis=1))


class AttentiveRound(Gathered):
    """Learns what the holders' models have become, and how near they are to each other."""

    def __init__(self, start: Start, method: FedAMP) -> None:
        super().__init__(start)
        self.method = method

    def finish(self) -> tuple[dict[str, Vector], dict[str, Vector]]:
        groups, state = dict(self.start.groups), dict(self.start.state)
        for group, holders in self.holders.items():
            for holder in holders:
                sent = self.method.outgoing(self.start.groups, self.start.state, holder.client, group)
                state[f"{holder.client}/{group}"] = sent + holder.vector
            models = [state[f"{name}/{group}"] for name in _holders(state, group)]
            state[WEIGHTS + group] = self.method.weights(models).astype(np.float32).reshape(-1)
            groups[group] = combine(np.full((1, len(models)), 1 / len(models)), models)[0]
        return groups, state


def _holders(state: State, group: str) -> list[str]:
    """The clients of whom the server knows a model of `group`, by name."""
    return sorted(client for client, _, held in (key.partition("/") for key in state) if held == group)
