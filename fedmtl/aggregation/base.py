"""The contract of a federated method, and the pieces that methods share.

A method says, per parameter group, whether it is shared, what the server makes of its holders' updates, what
each client is sent, and what a client does with it: where its round starts, what it trains in which part of the
round, and what it adds to its loss. A holder's update of a group is what local training added to the vector it
received.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from fnmatch import fnmatchcase
from typing import ClassVar

from torch import Tensor

from fedmtl.config import Context, ModelConfig
from fedmtl.errors import ConfigError, did_you_mean
from fedmtl.exchange.layout import Layout, Vector

ANY_DOMAIN = "any"
"""Of clients that do not say what kind of images they have."""
Groups = Mapping[str, Vector]
State = Mapping[str, Vector]
"""What a method carries from round to round, under names of its own; a checkpoint keeps it."""


class Policy(Enum):
    """Whether a group's values leave the client."""

    shared = "shared"
    private = "private"


@dataclass(frozen=True)
class Update:
    """One client's round: per group that it trained, what training added, and its weight in a sum.

    Attributes:
        domain: what kind of images the client says it has.
        holders: group → of how many clients it is the mean, where the server has sums alone; see `Method.buckets`.
    """

    client: str
    vectors: Groups
    weights: Mapping[str, float]
    domain: str = ANY_DOMAIN
    holders: Mapping[str, int] = field(default_factory=dict)

    def holders_of(self, group: str) -> int:
        """Of how many clients what it has for a group is the mean."""
        return self.holders.get(group, 1)


@dataclass(frozen=True)
class Clock:
    """Where a run stands: `round` of `rounds`, counted from 1."""

    round: int
    rounds: int

    @property
    def left(self) -> float:
        """The share of the rounds that come after this one."""
        return 1 - self.round / self.rounds


@dataclass(frozen=True)
class Phase:
    """A part of a client's round.

    Attributes:
        share: of the round's optimiser steps; the shares of a round sum to 1.
        trains: shell-style patterns of the groups that are trained in it; the parameters of others stand still.
            Running statistics follow every batch.
        spares: patterns of groups that stand still although `trains` has them.
        personal: whether it trains the client's own copies of personal groups (see `Method.personal`) rather
            than the received values. Groups that are not personal have one value, which both kinds train.
    """

    share: float = 1.0
    trains: tuple[str, ...] = ("*",)
    spares: tuple[str, ...] = ()
    personal: bool = False

    def trains_group(self, group: str) -> bool:
        """Whether `group` is trained in it, where the client trains it at all."""
        return _matches(group, self.trains) and not _matches(group, self.spares)


@dataclass(frozen=True)
class Start:
    """What the server has as a round begins.

    Attributes:
        groups: every shared group's values.
        state: what the method's last round left; empty before the first.
        layouts: group → its tensors' names and shapes.
        seed: the run's; keys what a method draws, with the round.
    """

    groups: Groups
    state: State
    layouts: Mapping[str, Layout]
    clock: Clock
    seed: int = 0


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
        streaming: the server needs no more than a running sum over each group's holders, so updates are folded one
            at a time and dropped, and the method works under secure sums; otherwise a round holds all of them.
        counts_alike: holders count alike, whatever weight they claim.
        within_domains: its sums are over the holders of one domain (`Update.domain`), never over several.
        keeps_private: families of groups (the part of a name before the first '/') that never leave.

    Args:
        private: more groups to keep private, as shell-style patterns, for example `head/*` or `norm`.
    """

    streaming: ClassVar[bool] = True
    within_domains: ClassVar[bool] = False
    counts_alike: ClassVar[bool] = False
    keeps_private: ClassVar[frozenset[str]] = frozenset({"client_adapter", "constant", "norm_stats"})

    private: list[str] = field(default_factory=list)

    def policy(self, group: str) -> Policy:
        """Whether `group` is shared."""
        hidden = group.split("/")[0] in self.keeps_private
        hidden = hidden or _matches(group, self.private)
        return Policy.private if hidden else Policy.shared

    def check(self, groups: Sequence[str]) -> None:
        """Raises ConfigError where a pattern in `private` matches none of the federation's groups."""
        for pattern in self.private:
            if not any(fnmatchcase(group, pattern) for group in groups):
                hint = did_you_mean(pattern, groups)
                raise ConfigError(f"method.private: no parameter group matches '{pattern}'; {hint}")

    @abstractmethod
    def start_round(self, start: Start) -> Round:
        """Begin to aggregate on top of the current groups."""

    @property
    def needs_only_sums(self) -> bool:
        """Whether the server needs no single client's update, but sums over each of `buckets`: then secure sums do."""
        return self.streaming

    def buckets(self, holders: Sequence[str], seed: int, round_number: int) -> list[list[str]]:
        """Which of a group's holders are added up before the method sees them; by default, all of them together.

        Args:
            seed: the run's.
        """
        return [list(holders)]

    def outgoing(
        self, groups: Groups, state: State, client: str, group: str, domain: str = ANY_DOMAIN
    ) -> Vector:
        """What `client`, whose images are of `domain`, is sent for `group`: perhaps its own value, or its domain's."""
        return groups[group]

    def model(self, config: ModelConfig) -> ModelConfig:
        """The model that the method trains, where it needs other parts than the scenario's.

        Where adapters stay at home, there are none of others to read, and a client computes its own tasks alone.
        An override builds on `super().model(config)`.
        """
        shared = self.policy("adapter/any") is Policy.shared
        return config if shared else replace(config, context=Context.own)

    def travels(self, group: str, clock: Clock) -> bool:
        """Whether a shared group goes down and up in this round; one that does not must be personal.

        Those who only read a group are sent it in every round, and a client in its first is sent every group.
        """
        return True

    def personal(self, group: str) -> bool:
        """Whether a client keeps, beside what it sends, its own copy of a shared group that it trains.

        The copy is what the client is evaluated with and leaves with. It is part of its private state, and starts
        as what the client was sent in its first round.
        """
        return False

    def begin(
        self, group: str, received: Vector | None, kept: Vector, clock: Clock, signal: float = 1.0
    ) -> Vector:
        """Where the client's own copy of a personal group starts the round.

        Args:
            received: what the server sent; None where the group does not travel in this round.
            kept: the copy as the client's last round left it; in its first round, what the server sent.
            signal: how much of the mean by which the received values moved last was signal, in [0, 1]; below 1 where
                differential privacy added noise (see `fedmtl.privacy.denoising`).
        """
        return kept

    def phases(self, clock: Clock) -> Sequence[Phase]:
        """The parts of a client's round, in order.

        What is sent of a group is what its values at the end of the round have over those that were received. Of a
        personal group these are the values that the phases trained which are not personal; where all are personal,
        they are the client's copy.
        """
        return (Phase(),)

    @property
    def adds_to_loss(self) -> bool:
        """Whether it has a `local_term` of its own: a client then keeps the received values while it trains."""
        return type(self).local_term is not Method.local_term

    def local_term(
        self, phase: Phase, parameters: Sequence[Tensor], received: Sequence[Tensor]
    ) -> Tensor | None:
        """What a client adds to its loss at every step.

        Args:
            phase: the part of the round.
            parameters: those that are trained in it, of the groups that travel in this round.
            received: their values as the server sent them, in the same order, without gradient.
        """
        return None


def _matches(group: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(group, pattern) for pattern in patterns)
