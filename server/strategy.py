"""The round: who is sent what, which replies are believed, and what becomes of them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord
from flwr.serverapp import Grid
from flwr.serverapp.strategy import Strategy
from numpy.typing import NDArray

from fedmtl.aggregation import Method, Update
from fedmtl.checkpoints import Progress, ServerState
from fedmtl.config import FederationConfig
from fedmtl.errors import ExchangeError
from fedmtl.exchange.checks import check_counts, check_report, check_statistics, check_update
from fedmtl.exchange.codec import encode
from fedmtl.exchange.messages import Description, EvaluateReport, Instruction, TrainReport
from fedmtl.seeding import numpy_rng
from server.journal import Journal
from server.messages import content_of, message, to_array
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
    ) -> None:
        self.config = config
        self.seed = seed
        self.method = method
        self.state = state
        self.roster = roster
        self.journal = journal

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

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> list[Message]:
        """An instruction, and the groups they train or read, for the clients sampled for this round."""
        return self._instructions(server_round, self._sample(server_round), "train")

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Check and fold the replies as they come; a bad one costs its client the round."""
        folding = self.method.start_round(self.state.groups, self.state.method)
        for reply in replies:
            member = self._member(reply)
            client = member.description.client
            try:
                text, encoded = content_of(reply)
                report = TrainReport.from_json(text)
                check_report(report, client, server_round)
                check_counts(report, member.description)
                vectors = check_update(report, encoded, member.trains, member.largest_weights)
            except ExchangeError as error:
                self.journal.failure(client, "train", str(error))
                continue
            folding.add(Update(client, vectors, report.weights))
            durable = self.state.clients[client].durable
            self.state.clients[client] = _progress(member.description, server_round, durable)
            self.journal.trained(report, reply)
        self.state.groups, self.state.method = folding.finish()
        self.state.round = server_round
        return None, None

    def configure_evaluate(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> list[Message]:
        """An instruction and the current groups for every client that has validation data."""
        with_data = [name for name, member in self.roster.members.items() if member.description.val_images]
        return self._instructions(server_round, with_data, "evaluate")

    def aggregate_evaluate(self, server_round: int, replies: Iterable[Message]) -> MetricRecord | None:
        """Report each client's metrics, and those of all clients together from their added statistics."""
        pooled: dict[str, NDArray[np.float64]] = {}
        specs = {spec.name: spec for spec in self.roster.blueprint.tasks}
        for reply in replies:
            member = self._member(reply)
            client = member.description.client
            try:
                text, encoded = content_of(reply)
                report = EvaluateReport.from_json(text)
                check_report(report, client, server_round)
                statistics = check_statistics(encoded, member.statistics_sizes)
            except ExchangeError as error:
                self.journal.failure(client, "evaluate", str(error))
                continue
            self.journal.evaluated(report, reply)
            for task, vector in statistics.items():
                self.journal.metrics(client, specs[task], vector)
                pooled[task] = pooled[task] + vector if task in pooled else vector
        for task, vector in sorted(pooled.items()):
            self.journal.metrics(None, specs[task], vector)
        return None

    def summary(self) -> None:
        """Nothing: the journal reports."""

    def _sample(self, server_round: int) -> list[str]:
        """The clients of a round: a share of the members, without replacement, keyed by (seed, round)."""
        names = list(self.roster.members)
        count = max(round(self.config.fraction * len(names)), 1)
        chosen = numpy_rng(self.seed, "sample", server_round).permutation(len(names))[:count]
        return [names[i] for i in sorted(chosen)]

    def _instructions(self, server_round: int, clients: Iterable[str], kind: str) -> list[Message]:
        """A message for each client; a group that several are sent is encoded once, and then forgotten."""
        encoded: dict[str, Array] = {}
        messages = []
        for client in clients:
            member, progress = self.roster.members[client], self.state.clients[client]
            instruction = Instruction(
                self.roster.federation, server_round, progress.accepted, progress.durable
            )
            arrays = {g: self._outgoing(client, g, encoded) for g in (*member.trains, *member.reads)}
            sent = message(member.node, kind, instruction, arrays, ttl=self.config.round_timeout)
            self.journal.sent(client, kind, sent)
            messages.append(sent)
        return messages

    def _outgoing(self, client: str, group: str, encoded: dict[str, Array]) -> Array:
        vector = self.method.outgoing(self.state.groups, self.state.method, client, group)
        if vector is not self.state.groups[group]:
            return to_array(encode(vector))
        if group not in encoded:
            encoded[group] = to_array(encode(vector))
        return encoded[group]

    def _member(self, reply: Message) -> Member:
        node = reply.metadata.src_node_id
        return next(member for member in self.roster.members.values() if member.node == node)


def _progress(description: Description, accepted: int = 0, durable: int = 0) -> Progress:
    tasks = tuple(spec.name for spec in description.tasks)
    return Progress(tasks, description.channels, accepted, durable)
