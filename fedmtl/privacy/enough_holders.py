"""A round in which no group moves by the updates of fewer holders than must take part in a sum."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace

from fedmtl.aggregation import Method
from fedmtl.aggregation.base import Round, Update
from fedmtl.exchange.layout import Vector
from fedmtl.privacy.holders import Sum, sum_of


class EnoughHolders(Round):
    """Holds updates of a group back until enough have come; where they never do, the group stays as it was.

    Every holder is sent what the group has become, and would know the part of another one that was alone in a round.

    Memory: of each sum, one update fewer than are needed; where the method is not streaming, all of the round.

    Args:
        inner: the method's round.
        least: holders of a sum.
    """

    def __init__(self, inner: Round, method: Method, least: int) -> None:
        self._inner, self._method, self._least = inner, method, least
        self._holders: Counter[Sum] = Counter()
        self._held: list[Update] = []

    def add(self, update: Update) -> None:
        for group, weight in update.weights.items():
            if weight > 0:
                self._holders[sum_of(self._method, group, update.domain)] += update.holders_of(group)
        self._held.append(update)
        if self._method.streaming:
            self._pass_on()

    def finish(self) -> tuple[dict[str, Vector], dict[str, Vector]]:
        self._pass_on()
        return self._inner.finish()

    def _pass_on(self) -> None:
        held, self._held = self._held, []
        for update in held:
            enough = {
                group
                for group in update.vectors
                if self._holders[sum_of(self._method, group, update.domain)] >= self._least
            }
            if enough:
                self._inner.add(_part(update, enough))
            if rest := update.vectors.keys() - enough:
                self._held.append(_part(update, rest))


def _part(update: Update, groups: Collection[str]) -> Update:
    """What an update has of some groups."""
    return replace(
        update,
        vectors={group: vector for group, vector in update.vectors.items() if group in groups},
        weights={group: weight for group, weight in update.weights.items() if group in groups},
    )
