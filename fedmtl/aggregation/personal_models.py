"""Methods whose server keeps a model of its own for every client.

The method's state holds what a client is sent next as `<client>/<group>`: a model a client. Who sat out a round
keeps what it has; who has nothing yet, or only reads a group, is sent the group itself, which is the weighted
mean of what its holders of the last round are sent.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from fedmtl.aggregation.base import ANY_DOMAIN, Groups, Method, State, Update
from fedmtl.aggregation.gathered import Gathered, Holder, Matrix, combine, weighted_mean
from fedmtl.exchange.layout import Vector


def sent(groups: Groups, state: State, client: str, group: str) -> Vector:
    """What `client` is sent for `group`."""
    return state.get(f"{client}/{group}", groups[group])


@dataclass(frozen=True)
class PersonalModels(Method):
    """Sends every client its own model; a subclass's round makes them."""

    streaming: ClassVar[bool] = False

    def outgoing(
        self, groups: Groups, state: State, client: str, group: str, domain: str = ANY_DOMAIN
    ) -> Vector:
        return sent(groups, state, client, group)


class PersonalRound(Gathered):
    """Gives each holder of a group values of its own.

    Memory: the round's updates, and in the state, before and after, a model a client.
    """

    def received(self, client: str, group: str) -> Vector:
        """The values that the client's training started from."""
        return sent(self.start.groups, self.start.state, client, group)

    def finish(self) -> tuple[dict[str, Vector], dict[str, Vector]]:
        groups, state = dict(self.start.groups), dict(self.start.state)
        for group, holders in self.holders.items():
            models = self.models(group, holders)
            groups[group] = weighted_mean(models, holders)
            for holder, model in zip(holders, models, strict=True):
                state[f"{holder.client}/{group}"] = model
        return groups, state

    @abstractmethod
    def models(self, group: str, holders: Sequence[Holder]) -> Sequence[Vector]:
        """What each holder is sent next for `group`, in their order."""


class MixingRound(PersonalRound):
    """Mixes the values that the holders' training ended with, which are what `holders` has for vectors."""

    def add(self, update: Update) -> None:
        trained = {group: self.received(update.client, group) + v for group, v in update.vectors.items()}
        super().add(replace(update, vectors=trained))

    def models(self, group: str, holders: Sequence[Holder]) -> Sequence[Vector]:
        return combine(self.mixing(group, holders), [holder.vector for holder in holders])

    @abstractmethod
    def mixing(self, group: str, holders: Sequence[Holder]) -> Matrix:
        """(K, K) over the group's holders: row i are the shares in what holder i is sent; they sum to 1."""
