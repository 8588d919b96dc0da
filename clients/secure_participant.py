"""A client in a federation whose server sees sums over clients, and nothing of one of them."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from itertools import filterfalse

import numpy as np
from msgspec.structs import asdict

from clients.masking import Masking, Value
from clients.own_metrics import OwnMetrics
from clients.participant import Participant
from clients.site import Site
from fedmtl.config.privacy import NoiseKind
from fedmtl.errors import ExchangeError, RefusalError
from fedmtl.exchange.codec import Encoded
from fedmtl.exchange.messages import Federation
from fedmtl.privacy.client_noise import ClientNoise, largest_values
from fedmtl.privacy.fitness import check_plan
from fedmtl.privacy.holders import Sum, sum_of
from fedmtl.privacy.secure_messages import (
    DealInstruction,
    RequestInstruction,
    SecureEvaluateInstruction,
    SecureInstruction,
    SecureMembership,
    SecureReport,
)
from fedmtl.privacy.secure_sum import Confirmation, Deal, Revealed, Setup, Weighted
from fedmtl.privacy.statistics import LOSS_SIZE, is_statistic, loss_name, metrics_name
from fedmtl.snapshots import Snapshots
from fedmtl.training.statistics import join_statistics, statistics_size

logger = logging.getLogger(__name__)


class SecureParticipant:
    """A `Participant` whose updates, counts and metrics leave masked, or not at all.

    Raises:
        ConfigError: the plan cannot be carried out so.
    """

    def __init__(self, site: Site, private: Snapshots, federation: Federation) -> None:
        self._inner = inner = Participant(site, private, federation)
        self._privacy = inner.plan.privacy
        check_plan(inner.plan)
        self._adds_noise = self._privacy.client.noise is NoiseKind.distributed
        self._largest_change, self._largest_weight = largest_values(self._privacy)
        least = max(self._privacy.least_holders, site.rules.limits.min_holders if site.rules else 1)
        if site.rules and site.roster is None:
            logger.warning(
                "there is no roster of the sites' keys: these sums hide what is this site's from a server that is "
                "honest but curious, and not from one that invents clients"
            )
        images = len(site.share.train)
        if images > self._largest_weight and not (inner.model.method.counts_alike or self._adds_noise):
            logger.warning(
                "'%s' has %d images, and counts as if it had privacy.largest_weight, %d; set that to the largest "
                "client's number of images for plain weighted means",
                site.client,
                images,
                self._largest_weight,
            )
        folder = inner.snapshots.folder
        self._masking = Masking(folder / "secure", federation.run, site.client, site.key, site.roster, least)
        self._metrics = OwnMetrics(folder, site.client, inner.tasks)

    def membership(self) -> SecureMembership:
        """What the federation makes of this client, with its key of the run.

        Raises:
            RunError: the model's values, or the key, cannot be written.
        """
        return SecureMembership(**asdict(self._inner.membership()), key=self._masking.public_key())

    def deal(self, instruction: DealInstruction) -> Deal:
        """Begin a round: the others get shares of what this client will hide its part with.

        Raises:
            ExchangeError: the server asks for sums that were not agreed on.
            RefusalError: it asks for what would tell it more than sums.
        """
        self._check(instruction.setup)
        return self._masking.deal(instruction.setup)

    def train(
        self, instruction: SecureInstruction, encoded: Mapping[str, Encoded]
    ) -> tuple[SecureReport, dict[str, Encoded]]:
        """Train one round; what was added, its weights and the losses leave masked.

        Raises:
            ExchangeError: an update is out of the agreed range; and as for `Participant.train`.
        """
        wanted = self._masking.receive(instruction.attempt, instruction.round, instruction.delivery)
        trained = self._inner.work(instruction, encoded)
        method, domain = self._inner.model.method, self._inner.site.domain
        values: dict[str, Value] = {}
        for name in filterfalse(is_statistic, wanted):
            group = Sum.parse(name).group
            if group not in trained.updates or sum_of(method, group, domain) != Sum.parse(name)._replace(
                bucket=0
            ):
                raise ExchangeError(f"the server asks for the sum '{name}' of training, which has none")
            weight = 1.0 if method.counts_alike or self._adds_noise else trained.weights[group]
            values[name] = Weighted(min(weight, self._largest_weight), trained.updates[group])
        result = trained.result
        for task in self._inner.tasks:
            pair = result.loss_sums.get(task.name, 0.0), result.loss_counts.get(task.name, 0)
            values[loss_name(task.name)] = np.array(pair, np.float64)
        answer = self._answer(instruction, values, wanted, instruction.noise if self._adds_noise else None)
        self._inner.keep(instruction, trained.after)
        self._metrics.trained(instruction.round, result)
        return answer

    def evaluate(
        self, instruction: SecureEvaluateInstruction, encoded: Mapping[str, Encoded]
    ) -> tuple[SecureReport, dict[str, Encoded]]:
        """Measure the splits that are asked for; the statistics leave masked.

        Raises:
            ExchangeError, RunError: as for `Participant.evaluate`.
        """
        wanted = self._masking.receive(instruction.attempt, instruction.round, instruction.delivery)
        measured = self._inner.measure(instruction, encoded)
        values: dict[str, Value] = {
            metrics_name(split, task.name): join_statistics(task.spec, result.statistics[task.name])
            for split, result in measured.items()
            for task in self._inner.tasks
        }
        self._metrics.measured(instruction.round, measured)
        return self._answer(instruction, values, wanted)

    def confirm(self, instruction: RequestInstruction) -> Confirmation:
        """Tell the other clients what this one was told."""
        return self._masking.confirm(instruction.attempt, instruction.request)

    def unmask(self, instruction: RequestInstruction) -> Revealed:
        """Give the shares that open the sums.

        Raises:
            RefusalError: they would open more.
        """
        return self._masking.unmask(instruction.attempt, instruction.request)

    def _answer(
        self,
        instruction: SecureInstruction | SecureEvaluateInstruction,
        values: Mapping[str, Value],
        wanted: Sequence[str],
        multipliers: Mapping[str, float] | None = None,
    ) -> tuple[SecureReport, dict[str, Encoded]]:
        """What leaves of these values, with noise of these multipliers, by group."""
        if absent := sorted(set(wanted) - set(values)):
            raise ExchangeError(f"the server asks for the sum '{absent[0]}', of which there is nothing here")
        client, noise = self._privacy.client, None
        if multipliers is not None:
            noise = ClientNoise(self._masking.setup(instruction.attempt), multipliers, client)
        upload, vectors = self._masking.mask(
            instruction.attempt, {name: values[name] for name in wanted}, noise
        )
        return SecureReport(self._inner.site.client, instruction.round, upload), vectors

    def _check(self, setup: Setup) -> None:
        """Look at the sums that the server wants of this client, before it deals for them."""
        if (setup.largest_change, setup.largest_weight) != (self._largest_change, self._largest_weight):
            raise ExchangeError("the server's setup has other bounds than its plan")
        seen: set[tuple[str, str]] = set()
        for name in setup.held_by(self._inner.site.client):
            asked = setup.groups[name]
            if (asked.kind, asked.size) != self._agreed(name, setup.round):
                raise ExchangeError(f"the server asks for a sum '{name}', which is not as was agreed")
            if not is_statistic(name):
                group, domain, _ = Sum.parse(name)
                if (group, domain) in seen:
                    # Sums over two sets of clients tell by their difference what one client has.
                    raise RefusalError("secure-sums", f"the server asks for two sums of group '{group}'")
                seen.add((group, domain))

    def _agreed(self, name: str, round_number: int) -> tuple[str, int] | None:
        """The kind and size of a sum that this client can take part in; None of others."""
        inner = self._inner
        for task in inner.tasks:
            if name == loss_name(task.name):
                return "statistics", LOSS_SIZE
            if name in (metrics_name("val", task.name), metrics_name("test", task.name)):
                return "statistics", statistics_size(task.spec)
        group = Sum.parse(name).group
        if group not in inner.sends(round_number):
            return None
        return "mean", inner.model.vectors.layouts[group].size
