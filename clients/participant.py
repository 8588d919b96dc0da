"""One client in a federation: its network, its data, its rounds. Nothing here knows Flower."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clients.early_stopping import EarlyStopping
from clients.example_privacy import ExamplePrivacy
from clients.feedback import encode_updates
from clients.local_round import LocalRound
from clients.model import ClientModel
from clients.received import Received
from clients.site import Site
from clients.state import load_state, save_state
from fedmtl.aggregation import Clock
from fedmtl.aggregation.traffic import Traffic
from fedmtl.attacks import Occasion
from fedmtl.best_model import BROUGHT
from fedmtl.data import ClientDataset, Source
from fedmtl.exchange.codec import Encoded
from fedmtl.exchange.codecs import build_codec
from fedmtl.exchange.layout import Layout, Vector
from fedmtl.exchange.messages import (
    EvaluateInstruction,
    EvaluateReport,
    ExampleCost,
    Federation,
    Instruction,
    Membership,
    Split,
    TrainReport,
)
from fedmtl.exchange.versions import digest
from fedmtl.inference import TrainedModel
from fedmtl.models.groups import weighted_by
from fedmtl.models.network import MultiTaskNetwork
from fedmtl.privacy.clipping import within_bounds
from fedmtl.private_state import PrivateState
from fedmtl.snapshots import Snapshots
from fedmtl.tasks import build_task
from fedmtl.training.device import choose_device, set_threads
from fedmtl.training.evaluation import Evaluation, evaluate
from fedmtl.training.private_trainer import PrivateTrainer
from fedmtl.training.statistics import join_statistics, statistics_name
from fedmtl.training.trainer import LocalResult, LocalTrainer


@dataclass(frozen=True)
class Trained:
    """A client's round, before anything of it leaves.

    Attributes:
        updates: what training added to each group that travels.
        weights: those of the same groups in a sum over holders.
        after: the private state that follows.
        cost: of the client's images, where it trains with privacy of its own.
    """

    result: LocalResult
    updates: Mapping[str, Vector]
    weights: Mapping[str, float]
    after: PrivateState
    cost: ExampleCost | None


class Participant:
    """A client that joined a federation.

    It keeps no state between rounds but caches: every round loads the groups it is sent and the private state
    of the round that the server names, so it does not matter which process a round runs in.
    """

    def __init__(self, site: Site, private: Snapshots, federation: Federation) -> None:
        self.site = site
        # A simulation's clients have their folder in the run's; a site has one for all runs.
        self.snapshots = Snapshots(private.folder / "runs" / federation.run) if site.rules else private
        self.plan = site.plan(federation)
        self.tasks = [build_task(spec) for spec in site.tasks]
        own = [spec.name for spec in site.tasks]
        set_threads(self.plan.training)
        self.model = ClientModel.build(
            self.plan, federation.tasks, own, site.source.channels, site.domain, federation.home
        )
        holdings, vectors = self.model.holdings, self.model.vectors
        if site.rules:
            site.rules.check_leaving(holdings.trains)
        self._traffic = Traffic(self.model.method, holdings.trains, holdings.reads)
        self._up = build_codec(self.plan.exchange.up, "exchange.up")
        down = build_codec(self.plan.exchange.down, "exchange.down")
        shared = self._layouts((*holdings.trains, *holdings.reads))
        self._received = Received(self.snapshots.folder, shared, down)
        self._initial = PrivateState({group: vectors.read(group) for group in holdings.private})
        self._privacy = (
            ExamplePrivacy(site.privacy, private.folder, len(site.share.train), vectors.layouts)
            if site.privacy
            else None
        )
        lessons = site.attack.poison(site.source) if site.attack else site.source
        self._train_data = self._dataset(lessons, site.share.train)
        measured: dict[Split, tuple[str, ...]] = {"val": site.share.val, "test": site.share.test}
        self._measured = {split: self._dataset(site.source, ids) for split, ids in measured.items()}
        model = self.model.trained(site.client, site.source.channels)
        self._best = EarlyStopping(self.snapshots.folder, private.folder / BROUGHT, model)

    def membership(self) -> Membership:
        """The digests of the shared groups that this client trains or reads, and of the values that it holds.

        Raises:
            RunError: the model's values cannot be written.
        """
        holdings, vectors = self.model.holdings, self.model.vectors
        for group in (*holdings.trains, *holdings.reads):
            values = vectors.read(group)
            self._received.hold(values, digest(values))
        trains, reads = (
            {group: layout.digest for group, layout in self._layouts(groups).items()}
            for groups in (holdings.trains, holdings.reads)
        )
        return Membership(trains, reads, self._received.held())

    def train(
        self, instruction: Instruction, encoded: Mapping[str, Encoded]
    ) -> tuple[TrainReport, dict[str, Encoded]]:
        """Train one round from the groups as they are sent.

        Returns:
            The report, and per group that travels in this round what training added to it, by the codec agreed on.

        Raises:
            ExchangeError: the groups are not those that were agreed on, or what was added to one is not finite.
            RefusalError: the client's privacy does not allow the round.
            RunError: the private state is lost or cannot be saved.
            TrainingError: a loss is not finite.
        """
        trained = self.work(instruction, encoded)
        layouts, result = self.model.vectors.layouts, trained.result
        sent, residuals = encode_updates(trained.updates, trained.after.residuals, layouts, self._up)
        self.keep(instruction, replace(trained.after, residuals=residuals))
        report = TrainReport(
            client=self.site.client,
            round=instruction.round,
            images=result.images,
            steps=result.steps,
            labelled=dict(result.labelled),
            loss_sums=dict(result.loss_sums),
            loss_counts=dict(result.loss_counts),
            weights=dict(trained.weights),
            seconds=result.seconds,
            cost=trained.cost,
        )
        return report, sent

    def sends(self, round_number: int) -> list[str]:
        """The groups of which an update leaves in a round."""
        return self._traffic.up(Clock(round_number, self.plan.rounds))

    def work(self, instruction: Instruction, encoded: Mapping[str, Encoded]) -> Trained:
        """Train one round; nothing is kept and nothing leaves.

        Raises:
            ExchangeError, RefusalError, RunError, TrainingError: as for `train`.
        """
        set_threads(self.plan.training)
        clock = Clock(instruction.round, self.plan.rounds)
        down = self._traffic.down(clock, instruction.accepted)
        kept = self._kept(instruction)
        received = self._received.receive(instruction, encoded, down)
        local = LocalRound(self.model, instruction, received, kept)
        trainer = LocalTrainer(
            self.model.network,
            self.tasks,
            self._train_data,
            self.plan,
            self.site.client,
            self.site.data.workers,
        )
        granted = (
            self._privacy.begin(instruction, self.plan.training, self.plan.rounds) if self._privacy else None
        )
        private = PrivateTrainer(trainer, granted.mechanism) if granted else None
        result = (private or trainer).train(local.stages, instruction.round)
        updates, after = local.finish()
        updates = within_bounds(updates, self.plan.privacy.client)
        if self.site.attack:
            occasion = Occasion(self.plan.seed, instruction.round, self.site.client)
            updates = self.site.attack.corrupt(updates, occasion)
        tasks = {group: weighted_by(group) for group in updates}
        weights = {g: float(result.images if t is None else result.labelled[t]) for g, t in tasks.items()}
        cost = ExampleCost(granted.epsilon, granted.delta) if granted else None
        return Trained(result, updates, weights, replace(after, residuals=kept.residuals), cost)

    def keep(self, instruction: Instruction, after: PrivateState) -> None:
        """Keep the private state after a round.

        Raises:
            RunError: it cannot be saved.
        """
        save_state(self.snapshots, instruction, self.model.vectors.layouts, after)

    def evaluate(
        self, instruction: EvaluateInstruction, encoded: Mapping[str, Encoded]
    ) -> tuple[EvaluateReport, dict[str, NDArray[np.float64]]]:
        """Statistics of every task on each split that is asked for, with the groups as they are sent.

        Where validation is asked for, the model is kept if it is the client's best so far.

        Raises:
            ExchangeError: the groups are not those that were agreed on.
            RunError: the private state is lost, or the best model cannot be kept.
        """
        measured = self.measure(instruction, encoded)
        vectors = {
            statistics_name(split, task.name): join_statistics(task.spec, result.statistics[task.name])
            for split, result in measured.items()
            for task in self.tasks
        }
        images = sum(result.images for result in measured.values())
        seconds = sum(result.seconds for result in measured.values())
        return EvaluateReport(self.site.client, instruction.round, images, seconds), vectors

    def measure(
        self, instruction: EvaluateInstruction, encoded: Mapping[str, Encoded]
    ) -> dict[Split, Evaluation]:
        """Evaluate on each split that is asked for; nothing leaves.

        Raises:
            ExchangeError, RunError: as for `evaluate`.
        """
        set_threads(self.plan.training)
        kept, lacks = self._kept(instruction), self._traffic.measured(instruction.accepted)
        received = self._received.receive(instruction, encoded, lacks)
        for group, vector in (received | dict(kept.groups)).items():
            self.model.vectors.write(group, vector)
        measured = {split: self._measure(self.model.network, split) for split in instruction.splits}
        if "val" in measured:
            run, metrics = instruction.federation.run, measured["val"].primary(self.tasks)
            self._best.offer(run, instruction.round, metrics, self._measure_brought)
        return measured

    def _measure(self, network: MultiTaskNetwork, split: Split) -> Evaluation:
        config, workers = self.plan.training, self.site.data.workers
        return evaluate(network, self.tasks, self._measured[split], config.batch_size, workers)

    def _measure_brought(self, model: TrainedModel) -> Mapping[str, float]:
        network = model.network.to(choose_device(self.plan.training))
        return self._measure(network, "val").primary(self.tasks)

    def _kept(self, instruction: Instruction) -> PrivateState:
        """The private state of the last accepted round; a newcomer's has its private groups alone."""
        kept, sent = self._layouts(self.model.holdings.kept), self._layouts(self.model.holdings.trains)
        return load_state(self.snapshots, instruction, kept, sent, self._initial)

    def _layouts(self, groups: Iterable[str]) -> dict[str, Layout]:
        return {group: self.model.vectors.layouts[group] for group in groups}

    def _dataset(self, source: Source, ids: tuple[str, ...]) -> ClientDataset:
        config = replace(
            self.site.data,
            image_size=self.plan.image_size,
            resize=self.plan.resize,
            augment=self.plan.augment,
        )
        return ClientDataset(source, ids, self.tasks, config)
