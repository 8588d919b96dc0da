"""What one client holds of what it was sent, as far as the server knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass
class Holding:
    """Digests of values. A client forgets what no message tells it to keep, and every message tells all of that.

    Attributes:
        latest: group → the values that it was last sent.
        durable: those of the newest checkpoint, from which a resumed run goes on.
        retained: all that it is known to have.
    """

    latest: dict[str, str] = field(default_factory=dict)
    durable: frozenset[str] = frozenset()
    retained: frozenset[str] = frozenset()
    _needed: frozenset[str] = frozenset()
    _sent: Mapping[str, str] = field(default_factory=dict)
    _kept: frozenset[str] = frozenset()

    @classmethod
    def of(cls, values: Mapping[str, str], others: Iterable[str], held: Iterable[str]) -> Holding:
        """That of a client that joins and says what it holds.

        Args:
            values: those that the server would send now, by group.
            others: more that are of interest.
        """
        known = frozenset([*values.values(), *others]) & frozenset(held)
        return cls({group: name for group, name in values.items() if name in known}, known, known)

    def send(self, versions: Mapping[str, str], needed: Iterable[str]) -> tuple[str, ...]:
        """A message has these values, by group; returns what it must tell the client to keep beside them.

        Args:
            needed: more that it is to keep.
        """
        others = {name for group, name in self.latest.items() if group not in versions}
        self._needed, self._sent = frozenset(needed), dict(versions)
        self._kept = self.durable | self._needed | others
        return tuple(sorted(self._kept - set(versions.values())))

    def confirm(self) -> None:
        """The client answered that message."""
        self.latest |= self._sent
        self.retained = (self.retained & self._kept) | frozenset(self._sent.values())

    def forget(self) -> None:
        """Nobody knows whether the client got that message."""
        self.latest, self.retained = {}, frozenset()

    def save(self) -> None:
        """A checkpoint was written."""
        self.durable = self._needed.union(self.latest.values())
