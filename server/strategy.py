"""The round: who is sent what, which replies are believed, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord
from flwr.serverapp import Grid
from flwr.serverapp.strategy import Strategy
from msgspec.structs import asdict
from numpy.typing import NDArray

from fedmtl.aggregation import Clock, Method, Round, Start, Update
from fedmtl.aggregation.traffic import Traffic
from fedmtl.attacks.collusion import NOBODY_COLLUDES, Coalition
from fedmtl.checkpoints import Progress, ServerState
from fedmtl.config import FederationConfig
from fedmtl.drawing import Draw
from fedmtl.errors import ExchangeError
from fedmtl.exchange.checks import check_counts, check_report, check_statistics, check_update
from fedmtl.exchange.codec import Encoded
from fedmtl.exchange.codecs import build_codec
from fedmtl.exchange.messages import (
    Description,
    EvaluateInstruction,
    EvaluateReport,
    Instruction,
    Payload,
    Split,
    TrainReport,
)
from fedmtl.privacy.enough_holders import EnoughHolders
from fedmtl.privacy.holders import sum_of
from fedmtl.seeding import numpy_rng
from fedmtl.training.statistics import statistics_name
from server.client_privacy import ClientPrivacy
from server.journal import Journal
from server.messages import content_of, message
from server.outbox import Outbox
from server.roster import Member, Roster


class GroupStrategy(Strategy):
    """Each group goes to the clients that need it, and is folded over exactly those that trained it.

    The arrays that Flower's interface passes around are empty: what a client is sent differs by client, and the
    server's state lives in `state`. `server.rounds` runs the rounds, because `Strategy.start` cannot resume and
    holds every reply of a round in memory.
    """

    def __init__(
        self,
        config: FederationConfig,
        seed: int,
        method: Method,
        state: ServerState,
        roster: Roster,
        journal: Journal,
        privacy: ClientPrivacy,
        coalition: Coalition = NOBODY_COLLUDES,
    ) -> None:
        self.config = config
        self.seed = seed
        self.method = method
        self.state = state
        self.roster = roster
        self.journal = journal
        self.privacy = privacy
        self.coalition = coalition
        exchange = roster.plan.exchange
        self.outbox = Outbox(build_codec(exchange.down, "exchange.down"), method, state)
        self._up = build_codec(exchange.up, "exchange.up")

    def adopt_newcomers(self) -> None:
        """Take in clients that joined, and, at their initial values, the groups that they brought.

        One that comes back with other tasks or another kind of input keeps its old ones in the state until a round
        of it is accepted: they are what its private state at the accepted round is for.
        """
        for name, member in self.roster.members.items():
            if name not in self.state.clients or self.state.clients[name].accepted == 0:
                self.state.clients[name] = _progress(member.description)
        initial = self.roster.blueprint.initial
        for group in list(initial):
            self.state.groups.setdefault(group, initial.pop(group))
        self.outbox.publish(self.roster.blueprint.layouts)
        self.outbox.enlist(self.roster.members.values())

    def plan_noise(self, server_round: int) -> None:
        """Settle what noise the round's sums will have, if any.

        Raises:
            BudgetSpentError: the round would cost more privacy than the run may.
        """
        clock, members = self._clock(server_round), self.roster.members
        self.privacy.plan_round(
            self._draw,
            {
                name: [
                    sum_of(self.method, group, member.description.domain)
                    for group in self._traffic(member).up(clock)
                ]
                for name, member in members.items()
            },
        )

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> list[Message]:
        """An instruction, and the groups they need, for the clients sampled for this round."""
        return self._instructions(server_round, self._sample(server_round), "train")

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Check and fold the replies as they come; a bad one costs its client the round."""
        clock, folding = self._clock(server_round), self._begin(server_round)
        for reply in replies:
            member = self._member(reply)
            client = member.description.client
            try:
                text, encoded = self._content(client, reply)
                report = TrainReport.from_json(text)
                check_report(report, client, server_round)
                check_counts(report, member.description)
                expected = {group: member.trains[group] for group in self._traffic(member).up(clock)}
                vectors = check_update(report, encoded, expected, member.largest_weights, self._up)
            except ExchangeError as error:
                self.outbox.forget(client)
                self.journal.failure(client, "train", str(error))
                continue
            folding.add(Update(client, vectors, report.weights, member.description.domain))
            self._accept(client, member.description, server_round)
            self.journal.trained(report, reply)
        self._finish(server_round, folding)
        return None, None

    def configure_evaluate(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> list[Message]:
        """An instruction, and the groups they lack, for the clients that have images to measure."""
        with_data = [name for name, member in self.roster.members.items() if self._splits(member)]
        return self._instructions(server_round, with_data, "evaluate")

    def aggregate_evaluate(self, server_round: int, replies: Iterable[Message]) -> MetricRecord | None:
        """Report each client's metrics, and those of all clients together from their added statistics."""
        pooled: dict[tuple[Split, str], NDArray[np.float64]] = {}
        specs = {spec.name: spec for spec in self.roster.blueprint.tasks}
        for reply in replies:
            member = self._member(reply)
            client = member.description.client
            asked = [(split, task) for split in self._splits(member) for task in member.statistics_sizes]
            sizes = {statistics_name(split, task): member.statistics_sizes[task] for split, task in asked}
            try:
                text, encoded = self._content(client, reply)
                report = EvaluateReport.from_json(text)
                check_report(report, client, server_round)
                statistics = check_statistics(encoded, sizes)
            except ExchangeError as error:
                self.outbox.forget(client)
                self.journal.failure(client, "evaluate", str(error))
                continue
            self.outbox.confirm(client, trained=False)
            self.journal.evaluated(report, reply)
            for split, task in asked:
                vector = statistics[statistics_name(split, task)]
                self.journal.metrics(client, specs[task], split, vector)
                pooled[split, task] = pooled[split, task] + vector if (split, task) in pooled else vector
        for (split, task), vector in sorted(pooled.items()):
            self.journal.metrics(None, specs[task], split, vector)
        return None

    def summary(self) -> None:
        """Nothing: the journal reports."""

    def _begin(self, server_round: int) -> Round:
        """The method's round, on top of the groups as they are."""
        clock, layouts = self._clock(server_round), self.roster.blueprint.layouts
        start = Start(self.state.groups, self.state.method, layouts, clock, self.seed)
        method_round, least = self.method.start_round(start), self.roster.plan.privacy.least_holders
        # Behind noise, nobody can be told apart in a sum of any number.
        if least > 1 and not self.privacy.hides_who:
            method_round = EnoughHolders(method_round, self.method, least)
        return self.coalition.joins(self.privacy.joins(method_round, layouts))

    def _finish(self, server_round: int, folding: Round) -> None:
        """The round is over: what the method makes of it counts from now on."""
        self.state.groups, self.state.method = folding.finish()
        self.privacy.adapt()
        self.state.round = server_round
        self.outbox.publish(self.roster.blueprint.layouts)

    def _accept(self, client: str, description: Description, server_round: int) -> None:
        """The client's round counts: it goes on from there."""
        durable = self.state.clients[client].durable
        self.state.clients[client] = _progress(description, server_round, durable)
        self.outbox.confirm(client, trained=True)

    def _content(self, client: str, reply: Message) -> tuple[object, dict[str, Encoded]]:
        """The text and the vectors of a reply that is the client's own.

        Raises:
            ExchangeError: it is an error, or not the client's.
        """
        text, encoded = content_of(reply)
        self.roster.signatures.check(client, reply)
        return text, encoded

    def _payload(self, member: Member, told: Instruction, kind: str) -> Payload:
        """What a client is told to do."""
        return (
            EvaluateInstruction(**asdict(told), splits=self._splits(member)) if kind == "evaluate" else told
        )

    def _message_type(self, kind: str) -> str:
        """Flower's."""
        return kind

    def _sample(self, server_round: int) -> list[str]:
        """The clients of a round, keyed by (seed, round); where nobody may know who they are, by nothing."""
        keyed = not self.privacy.hides_who
        generator = numpy_rng(self.seed, "sample", server_round) if keyed else np.random.default_rng()
        return self._draw.choose(list(self.roster.members), generator)

    @property
    def _draw(self) -> Draw:
        return Draw(self.config.sampling, len(self.roster.members), self.config.fraction)

    def _splits(self, member: Member) -> tuple[Split, ...]:
        """What a client is asked to measure, of the images that it said it has."""
        images: dict[Split, int] = {"val": member.description.val_images}
        if self.config.evaluate_test:
            images["test"] = member.description.test_images
        return tuple(split for split, count in images.items() if count)

    def _instructions(self, server_round: int, clients: Iterable[str], kind: str) -> list[Message]:
        """A message for each client; arrays that several are sent are made once, and then forgotten."""
        packed: dict[tuple[str, str | None], Array] = {}
        messages = []
        for client in clients:
            member, progress = self.roster.members[client], self.state.clients[client]
            traffic, clock = self._traffic(member), self._clock(server_round)
            if kind == "evaluate":
                groups = traffic.measured(progress.accepted)
                values = len(self._splits(member)) * sum(member.statistics_sizes.values())
            else:
                groups = traffic.down(clock, progress.accepted)
                values = sum(member.trains[group].size for group in traffic.up(clock))
            parcel = self.outbox.pack(member, groups, packed)
            told = Instruction(
                self.roster.federation,
                server_round,
                progress.accepted,
                progress.durable,
                parcel.versions,
                parcel.keep,
            )
            payload = self._payload(member, told, kind)
            sent = message(
                member.node,
                self._message_type(kind),
                payload,
                parcel.arrays,
                ttl=self.config.round_timeout,
                values=values,
            )
            self.journal.sent(client, kind, sent)
            messages.append(sent)
        return messages

    def _clock(self, server_round: int) -> Clock:
        return Clock(server_round, self.roster.plan.rounds)

    def _traffic(self, member: Member) -> Traffic:
        return Traffic(self.method, member.trains, member.reads)

    def _member(self, reply: Message) -> Member:
        node = reply.metadata.src_node_id
        return next(member for member in self.roster.members.values() if member.node == node)


def _progress(description: Description, accepted: int = 0, durable: int = 0) -> Progress:
    tasks = tuple(spec.name for spec in description.tasks)
    return Progress(tasks, description.channels, accepted, durable, description.domain)
