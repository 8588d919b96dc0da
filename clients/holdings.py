"""What a client does with each group of its network, under the federation's method."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Self

from fedmtl.aggregation import Method, Policy
from fedmtl.errors import ConfigError
from fedmtl.models.groups import Role


@dataclass(frozen=True)
class Holdings:
    """A client's groups, each kind in the order of its network's.

    Attributes:
        trains: shared groups that it trains.
        reads: shared groups that it is only sent.
        private: those that it trains and that never leave, be it for the method's sake or because too few train them.
        personal: those of `trains` of which it keeps a copy of its own.
    """

    trains: tuple[str, ...]
    reads: tuple[str, ...]
    private: tuple[str, ...]
    personal: tuple[str, ...]

    @classmethod
    def of(cls, roles: Mapping[str, Role], method: Method, name: str, home: Collection[str] = ()) -> Self:
        """The holdings of a client with these roles.

        Args:
            name: what the scenario calls the method.
            home: shared groups that stay with those who train them; others have their initial values.

        Raises:
            ConfigError: it would read a group that the method keeps at those who train it.
        """
        shared = {group for group in roles if method.policy(group) is Policy.shared}
        trained = [group for group, role in roles.items() if role is Role.train]
        read = [group for group, role in roles.items() if role is Role.read]
        if unread := [group for group in read if group not in shared]:
            raise ConfigError(
                f"model.context: 'all' reads '{unread[0]}', which method '{name}' keeps private; use context 'own'"
            )
        trains = [group for group in trained if group in shared and group not in home]
        return cls(
            tuple(trains),
            reads=tuple(group for group in read if group not in home),
            private=tuple(group for group in trained if group not in trains),
            personal=tuple(group for group in trains if method.personal(group)),
        )

    @property
    def kept(self) -> tuple[str, ...]:
        """What its private state holds."""
        return (*self.private, *self.personal)
