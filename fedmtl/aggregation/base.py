"""The contract of a federated method, and the pieces that methods share.

A method says, per parameter group, whether it is shared, what the server makes of its holders' updates, what
each client is sent, and what a client adds to its loss. A holder's update of a group is what local training
added to the vector it received.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase
from typing import ClassVar

from torch import Tensor

from fedmtl.errors import ConfigError, did_you_mean
from fedmtl.exchange.layout import Vector

Groups = Mapping[str, Vector]
State = Mapping[str, Vector]
"""What a method carries from round to round, under names of its own; a checkpoint keeps it."""


class Policy(Enum):
    """Whether a group's values leave the client."""

    shared = "shared"
    private = "private"


@dataclass(frozen=True)
class Update:
    """One client's round: per group that it trained, what training added, and its weight in a sum."""

    client: str
    vectors: Groups
    weights: Mapping[str, float]


class Round(ABC):
    """The server's side of one round."""

    @abstractmethod
    def add(self, update: Update) -> None:
        """Take one client's update; called in client order."""

    @abstractmethod
    def finish(self) -> tuple[dict[str, Vector], dict[str, Vector]]:
        """The groups and the method's state after the round. A group without weight is as it was."""


@dataclass(frozen=True)
class Method(ABC):
    """A federated method; its options are its dataclass fields.

    Attributes:
        streaming: updates are folded one at a time and dropped; otherwise a round holds all of them.
        keeps_private: families of groups (the part of a name before the first '/') that never leave.

    Args:
        private: more groups to keep private, as shell-style patterns, for example `head/*` or `norm`.
    """

    streaming: ClassVar[bool] = True
    keeps_private: ClassVar[frozenset[str]] = frozenset({"norm_stats", "constant"})

    private: list[str] = field(default_factory=list)

    def policy(self, group: str) -> Policy:
        """Whether `group` is shared."""
        hidden = group.split("/")[0] in self.keeps_private
        hidden = hidden or any(fnmatchcase(group, pattern) for pattern in self.private)
        return Policy.private if hidden else Policy.shared

    def check(self, groups: Sequence[str]) -> None:
        """Raises ConfigError where a pattern in `private` matches none of the federation's groups."""
        for pattern in self.private:
            if not any(fnmatchcase(group, pattern) for group in groups):
                hint = did_you_mean(pattern, groups)
                raise ConfigError(f"method.private: no parameter group matches '{pattern}'; {hint}")

    @abstractmethod
    def start_round(self, groups: Groups, state: State) -> Round:
        """Begin to aggregate on top of the current groups; `state` is empty before the first round."""

    def outgoing(self, groups: Groups, state: State, client: str, group: str) -> Vector:
        """What `client` is sent for `group`; methods with personal models send each client its own."""
        return groups[group]

    @property
    def adds_to_loss(self) -> bool:
        """Whether it has a `local_term` of its own: a client then keeps the received values while it trains."""
        return type(self).local_term is not Method.local_term

    def local_term(self, parameters: Sequence[Tensor], received: Sequence[Tensor]) -> Tensor | None:
        """What a client adds to its loss at every step.

        Args:
            parameters: the shared parameters that the client trains.
            received: their values as the round began, in the same order, without gradient.
        """
        return None
