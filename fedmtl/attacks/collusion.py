"""Attacks of several clients together, who know what all honest clients send.

The usual worst case (an omniscient adversary): in every round, and before they answer, the colluders know the method,
its options and every honest update. No client's process has that knowledge, so a simulation's server lets them have
it: a colluder sends its honest update, and it is replaced before the method sees it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fedmtl.aggregation.base import Round, Update
from fedmtl.aggregation.gathered import chunks
from fedmtl.attacks import build_attack
from fedmtl.attacks.base import Attack
from fedmtl.config import ClientConfig
from fedmtl.data.partition import expand_copies
from fedmtl.errors import ConfigError
from fedmtl.exchange.layout import Vector


class Collusion(Attack, ABC):
    """An attack in which all who carry it out send the same, coordinate by coordinate."""

    @abstractmethod
    def forge(self, honest: NDArray[np.float32], colluders: int) -> Vector:
        """What each colluder sends of some coordinates of a group, (D,).

        Args:
            honest: what the honest holders send, (N, D).
            colluders: how many hold the group.
        """


@dataclass(frozen=True)
class Coalition:
    """Who colluded, and how: client → attack."""

    members: Mapping[str, Collusion]

    @classmethod
    def of(cls, clients: Mapping[str, ClientConfig], secure_sums: bool) -> Coalition:
        """The colluders among a scenario's clients; in a deployment, which names none there, nobody.

        Raises:
            ConfigError: an attack is wrong, or nobody could see the honest updates.
        """
        built = {
            name: build_attack(client.attack, f"clients.{name}.attack")
            for name, client in expand_copies(clients).items()
        }
        members = {name: attack for name, attack in built.items() if isinstance(attack, Collusion)}
        if members and secure_sums:
            raise ConfigError(
                f"clients.{next(iter(members))}.attack: needs to see every honest update, which nobody does with "
                "privacy.secure_sums; switch them off, or choose an attack of one client by itself"
            )
        return cls(members)

    def joins(self, rule: Round) -> Round:
        """A round of the same rule in which the coalition takes part."""
        return _Colluding(rule, self.members) if self.members else rule


NOBODY_COLLUDES = Coalition({})


class _Colluding(Round):
    """Holds a round's updates until it ends, and puts what colluders agree on in place of theirs.

    Memory: every update of the round.
    """

    def __init__(self, rule: Round, members: Mapping[str, Collusion]) -> None:
        self._rule = rule
        self._members = members
        self._updates: list[Update] = []

    def add(self, update: Update) -> None:
        self._updates.append(update)

    def finish(self) -> tuple[dict[str, Vector], dict[str, Vector]]:
        forged: dict[tuple[str, Collusion], Vector] = {}
        for update in self._updates:
            attack = self._members.get(update.client)
            if attack is not None:
                vectors = dict(update.vectors)
                for group in vectors:
                    if (group, attack) not in forged and (honest := self._honest(group)):
                        forged[group, attack] = _forge(attack, honest, self._holders(group) - len(honest))
                    vectors[group] = forged.get((group, attack), vectors[group])
                update = replace(update, vectors=vectors)
            self._rule.add(update)
        return self._rule.finish()

    def _honest(self, group: str) -> list[Vector]:
        """Of a group; where there are none, each colluder sends what it learned."""
        updates = [update for update in self._updates if update.client not in self._members]
        return [update.vectors[group] for update in updates if group in update.vectors]

    def _holders(self, group: str) -> int:
        return sum(group in update.vectors for update in self._updates)


def _forge(attack: Collusion, honest: Sequence[Vector], colluders: int) -> Vector:
    forged = np.empty_like(honest[0])
    for place in chunks(forged.size):
        forged[place] = attack.forge(np.stack([vector[place] for vector in honest]), colluders)
    return forged
