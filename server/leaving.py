"""Which groups leave the clients that train them, where `privacy.min_holders` asks for several of these."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from fedmtl.aggregation import Method
from fedmtl.exchange.layout import Layout
from fedmtl.exchange.messages import Description
from fedmtl.models.groups import Role, weighted_by
from fedmtl.privacy.holders import staying, sum_of
from server.blueprint import Blueprint


@dataclass
class LeavingGroups:
    """What is decided of the federation's sums.

    Args:
        least: clients that must take part in a sum.
        settled: the sums that are taken from the first round on, once that is decided.

    Attributes:
        home: the sums that are not taken.
    """

    method: Method
    least: int
    settled: frozenset[str] | None = None
    home: tuple[str, ...] = ()

    def look(self, blueprint: Blueprint, clients: Iterable[Description]) -> bool:
        """Decide anew, by who is there; returns whether anything is otherwise than before."""
        before = self.home
        if self.least > 1:
            self.home = staying((self._sums(blueprint, one) for one in clients), self.least, self.settled)
        return self.home != before

    def settle(self, blueprint: Blueprint, clients: Iterable[Description]) -> frozenset[str] | None:
        """Decide for the whole run, unless that is done, and return the sums that are taken; None where all are."""
        if self.least > 1 and self.settled is None:
            held = {name for one in clients for name in self._sums(blueprint, one)}
            self.settled = frozenset(held - set(self.home))
        return self.settled

    def groups_of(self, blueprint: Blueprint, description: Description, wanted: Role) -> dict[str, Layout]:
        """The shared groups in which a client has the role `wanted`, but for those that stay at home."""
        return {
            group: layout
            for group, layout in blueprint.groups_of(description, wanted).items()
            if sum_of(self.method, group, description.domain).name not in self.home
        }

    def _sums(self, blueprint: Blueprint, description: Description) -> list[str]:
        """The sums that a client would take part in, taken or not: of groups that it has data for."""
        return [
            sum_of(self.method, group, description.domain).name
            for group in blueprint.groups_of(description, Role.train)
            if (task := weighted_by(group)) is None or description.labelled[task]
        ]
