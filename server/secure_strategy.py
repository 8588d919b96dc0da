"""The round where the server sees sums over a group's holders, and nothing of one of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np
from flwr.app import ArrayRecord, ConfigRecord, Message, MetricRecord
from flwr.serverapp import Grid
from msgspec.structs import asdict

from fedmtl.aggregation import Update
from fedmtl.aggregation.base import ANY_DOMAIN
from fedmtl.config import Sampling
from fedmtl.errors import ExchangeError, TooFewClientsError
from fedmtl.exchange.checks import check_report
from fedmtl.exchange.envelope import content_size
from fedmtl.exchange.layout import Vector
from fedmtl.exchange.messages import EvaluateInstruction, Instruction, Payload, Split
from fedmtl.models.groups import weighted_by
from fedmtl.privacy.client_noise import largest_values
from fedmtl.privacy.holders import Sum, sum_of
from fedmtl.privacy.secure_messages import SecureEvaluateInstruction, SecureInstruction, SecureReport
from fedmtl.privacy.secure_sum import Delivery, Group, GroupSum, Outcome, Setup
from fedmtl.privacy.statistics import LOSS_SIZE, is_statistic, loss_name, metrics_name
from server.roster import Member
from server.secure_session import SecureSession
from server.strategy import GroupStrategy


class SecureStrategy(GroupStrategy):
    """As `GroupStrategy`; the method is given a sum over many clients as if it were one client's update.

    Before a round's instructions, every client deals shares of what it hides its part with; after the answers, the
    clients open the sums. A client that fails before it has sent its part is no part of the sums; who fails after it
    is. Where the sums cannot be opened the round has no result, and nobody's progress counts.
    """

    _is_new = False
    """Whether this process has trained the model since it was last evaluated: of one from a checkpoint nobody knows."""

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> list[Message]:
        """Have the sampled clients deal; then the instructions, for those that did.

        Where each client is drawn by itself there may be too few in a round, which is then one without training.

        Raises:
            TooFewClientsError: there are too few for secure sums.
        """
        clients = self._sample(server_round)
        least = self.roster.plan.privacy.least_holders
        self._is_idle = self.config.sampling is Sampling.poisson and len(clients) < least
        if self._is_idle:
            return []
        deliveries = self._deal(grid, server_round, clients, self._training_sums(server_round, clients))
        return self._instructions(server_round, deliveries, "train")

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Add up what arrives, open the sums, and give them to the method.

        Raises:
            TooFewClientsError: the sums cannot be opened.
        """
        if self._is_idle:
            self._finish(server_round, self._begin(server_round))
            return None, None
        self._is_new = True
        arrived = self._collect(server_round, replies, "train")
        self.privacy.enter()
        outcome = self._open(arrived)
        trained = {name: total for name, total in outcome.sums.items() if not is_statistic(name)}
        holders = {Sum.parse(name): len(total.holders) for name, total in trained.items()}
        folding = self.privacy.denoises(self._begin(server_round), holders)
        for update in updates_of(trained, self.privacy.expected):
            folding.add(update)
        for client, size in arrived.items():
            member = self.roster.members[client]
            self._accept(client, member.description, server_round)
            self.journal.masked(client, "train", size)
        self._finish(server_round, folding)
        for task in self.roster.blueprint.tasks:
            if (total := outcome.sums.get(loss_name(task.name))) is not None:
                losses, count = total.total
                self.journal.loss(None, task.name, float(losses), float(count))
        return None, None

    def configure_evaluate(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> list[Message]:
        """Likewise, for the clients that have images to measure, and once for every model.

        Statistics of the same model over other clients would tell by their difference what one client has.
        """
        clients = [name for name, member in self.roster.members.items() if self._splits(member)]
        self._is_idle = not self._is_new
        if self._is_idle:
            return []
        self._is_new = False
        try:
            deliveries = self._deal(grid, server_round, clients, self._metric_sums(clients))
        except TooFewClientsError as error:
            self._is_idle = True
            self.journal.failure("everybody", "evaluate", f"is not evaluated: {error}")
            return []
        return self._instructions(server_round, deliveries, "evaluate")

    def aggregate_evaluate(self, server_round: int, replies: Iterable[Message]) -> MetricRecord | None:
        """Report the metrics of all clients together, from their added statistics."""
        if self._is_idle:
            return None
        arrived = self._collect(server_round, replies, "evaluate")
        for client, size in arrived.items():
            self.outbox.confirm(client, trained=False)
            self.journal.masked(client, "evaluate", size)
        try:
            sums = self._open(arrived).sums
        except TooFewClientsError as error:
            self.journal.failure("everybody", "evaluate", f"is not evaluated: {error}")
            return None
        splits: tuple[Split, ...] = ("val", "test")
        for split in splits:
            for spec in self.roster.blueprint.tasks:
                if (total := sums.get(metrics_name(split, spec.name))) is not None:
                    self.journal.metrics(None, spec, split, total.total)
        return None

    def _payload(self, member: Member, told: Instruction, kind: str) -> Payload:
        plain = super()._payload(member, told, kind)
        attempt, delivery = self._session.setup.attempt, self._deliveries[member.description.client]
        if isinstance(plain, EvaluateInstruction):
            return SecureEvaluateInstruction(**asdict(plain), attempt=attempt, delivery=delivery)
        groups = self._traffic(member).up(self._clock(told.round))
        noise = self.privacy.multipliers(groups)
        return SecureInstruction(**asdict(told), attempt=attempt, delivery=delivery, noise=noise)

    def _message_type(self, kind: str) -> str:
        return f"{kind}.secure"

    def _deal(
        self, grid: Grid, server_round: int, clients: Iterable[str], groups: Mapping[str, Group]
    ) -> Mapping[str, Delivery]:
        """Set a secure round up.

        Raises:
            TooFewClientsError: there are too few clients for one.
        """
        privacy = self.roster.plan.privacy
        keys = {client: key for client in clients if (key := self.roster.members[client].key) is not None}
        if len(keys) < privacy.least_holders:
            raise TooFewClientsError(
                f"round {server_round} has {len(keys)} clients, and privacy.min_holders is {privacy.least_holders}"
            )
        change, weight = largest_values(privacy)
        setup = Setup.create(
            self.roster.run,
            server_round,
            keys,
            groups,
            min_holders=privacy.least_holders,
            largest_change=change,
            largest_weight=weight,
            margin=self.privacy.margin(privacy.least_holders),
            confirm=self.roster.signatures.are_checked,
        )
        self._session = SecureSession(setup, grid, self.roster, self.journal, self.config.round_timeout)
        self._deliveries = self._session.deal()
        return self._deliveries

    def _collect(self, server_round: int, replies: Iterable[Message], phase: str) -> dict[str, int]:
        """Add the parts that arrive to the sums; returns whose they are, and their bytes."""
        arrived = {}
        for reply in replies:
            client = self._member(reply).description.client
            try:
                text, encoded = self._content(client, reply)
                report = SecureReport.from_json(text)
                check_report(report, client, server_round)
                self._session.upload(client, report.upload, encoded)
            except ExchangeError as error:
                self.outbox.forget(client)
                self.journal.failure(client, phase, str(error))
                continue
            arrived[client] = content_size(reply.content) + len(str(text))
        return arrived

    def _open(self, arrived: dict[str, int]) -> Outcome:
        """Open the sums; who turns out to have cheated counts as one that never arrived."""
        outcome = self._session.open()
        for client, why in outcome.faulty.items():
            self.journal.failure(client, "unmask", why)
            arrived.pop(client, None)
        for name, why in outcome.unchanged.items():
            self.journal.unopened(name, why)
        return outcome

    def _training_sums(self, server_round: int, clients: Iterable[str]) -> dict[str, Group]:
        """The sums of a round of training, and who takes part in them."""
        clock, method = self._clock(server_round), self.method
        holders: dict[Sum, list[str]] = defaultdict(list)
        losses: dict[str, list[str]] = defaultdict(list)
        sizes: dict[str, int] = {}
        for client in sorted(clients):
            member = self.roster.members[client]
            description = member.description
            for group in self._traffic(member).up(clock):
                task = weighted_by(group)
                if task is None or description.labelled[task]:
                    holders[sum_of(method, group, description.domain)].append(client)
                    sizes[group] = member.trains[group].size
            for spec in description.tasks:
                if description.labelled[spec.name]:
                    losses[spec.name].append(client)
        groups = {
            one._replace(bucket=index).name: Group(tuple(sorted(bucket)), sizes[one.group])
            for one, names in holders.items()
            for index, bucket in enumerate(method.buckets(names, self.seed, server_round))
        }
        return groups | {
            loss_name(task): Group(tuple(names), LOSS_SIZE, "statistics") for task, names in losses.items()
        }

    def _metric_sums(self, clients: Iterable[str]) -> dict[str, Group]:
        """The sums of an evaluation, and who takes part in them."""
        holders: dict[tuple[str, int], list[str]] = defaultdict(list)
        for client in sorted(clients):
            member = self.roster.members[client]
            for split in self._splits(member):
                for task, size in member.statistics_sizes.items():
                    holders[metrics_name(split, task), size].append(client)
        return {name: Group(tuple(names), size, "statistics") for (name, size), names in holders.items()}


def updates_of(sums: Mapping[str, GroupSum], expected: Mapping[Sum, float]) -> list[Update]:
    """Sums as updates: one for each domain that there are sums of, and of each bucket of holders.

    Args:
        sums: of groups alone.
        expected: sum → by what it is divided, where that must not be the number of those who came.
    """
    vectors: dict[tuple[str, int], dict[str, Vector]] = defaultdict(dict)
    weights: dict[tuple[str, int], dict[str, float]] = defaultdict(dict)
    holders: dict[tuple[str, int], dict[str, int]] = defaultdict(dict)
    for name, total in sorted(sums.items()):
        if not total.weight > 0:
            continue
        group, domain, bucket = one = Sum.parse(name)
        weights[domain, bucket][group] = weight = expected.get(one, total.weight)
        vectors[domain, bucket][group] = (
            (total.total / weight).astype(np.float32) if one in expected else total.mean
        )
        holders[domain, bucket][group] = len(total.holders)
    return [
        Update(f"sum-{domain}-{bucket}", vectors[key], weights[key], domain or ANY_DOMAIN, holders[key])
        for key in sorted(vectors)
        for domain, bucket in [key]
    ]
