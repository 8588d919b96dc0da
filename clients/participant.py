"""One client in a federation: its network, its data, its rounds. Nothing here knows Flower."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from clients.early_stopping import EarlyStopping
from clients.local_round import LocalRound
from clients.model import ClientModel
from clients.site import Site
from clients.state import load_state, save_state
from fedmtl.aggregation import Clock
from fedmtl.aggregation.traffic import Traffic
from fedmtl.data import ClientDataset
from fedmtl.errors import ExchangeError
from fedmtl.exchange.codec import Encoded, decode
from fedmtl.exchange.layout import Vector
from fedmtl.exchange.messages import (
    EvaluateInstruction,
    EvaluateReport,
    Federation,
    Instruction,
    Membership,
    Split,
    TrainReport,
)
from fedmtl.inference import TrainedModel
from fedmtl.models.groups import weighted_by
from fedmtl.models.network import MultiTaskNetwork
from fedmtl.private_state import PrivateState
from fedmtl.scenario import parse_plan
from fedmtl.snapshots import Snapshots
from fedmtl.tasks import build_task
from fedmtl.training.device import choose_device, set_threads
from fedmtl.training.evaluation import Evaluation, evaluate
from fedmtl.training.statistics import join_statistics, statistics_name
from fedmtl.training.trainer import LocalTrainer


class Participant:
    """A client that joined a federation.

    It keeps no state between rounds but caches: every round loads the groups it is sent and the private state
    of the round that the server names, so it does not matter which process a round runs in.
    """

    def __init__(self, site: Site, private: Snapshots, federation: Federation) -> None:
        self.site = site
        self.snapshots = private
        self.plan = parse_plan(federation.plan)
        self.tasks = [build_task(spec) for spec in site.tasks]
        own = [spec.name for spec in site.tasks]
        set_threads(self.plan.training)
        self.model = ClientModel.build(self.plan, federation.tasks, own, site.source.channels)
        holdings, vectors = self.model.holdings, self.model.vectors
        self._traffic = Traffic(self.model.method, holdings.trains, holdings.reads)
        self._initial = PrivateState({group: vectors.read(group) for group in holdings.private})
        self._train_data = self._dataset(site.share.train)
        self._measured = {"val": self._dataset(site.share.val), "test": self._dataset(site.share.test)}
        model = self.model.trained(site.client, site.source.channels)
        self._best = EarlyStopping(private.folder, model)

    def membership(self) -> Membership:
        """The digests of the shared groups that this client trains or reads."""
        digests = {group: layout.digest for group, layout in self.model.vectors.layouts.items()}
        holdings = self.model.holdings
        return Membership({g: digests[g] for g in holdings.trains}, {g: digests[g] for g in holdings.reads})

    def train(
        self, instruction: Instruction, encoded: Mapping[str, Encoded]
    ) -> tuple[TrainReport, dict[str, Vector]]:
        """Train one round from the groups as they are sent.

        Returns:
            The report, and per group that travels in this round what training added to it.

        Raises:
            ExchangeError: the groups are not those that were agreed on.
            RunError: the private state is lost or cannot be saved.
            TrainingError: a loss is not finite.
        """
        set_threads(self.plan.training)
        clock = Clock(instruction.round, self.plan.rounds)
        received = self._received(encoded, self._traffic.down(clock, instruction.accepted))
        local = LocalRound(self.model, instruction, received, self._kept(instruction))
        trainer = LocalTrainer(
            self.model.network,
            self.tasks,
            self._train_data,
            self.plan,
            self.site.client,
            self.site.data.workers,
        )
        result = trainer.train(local.stages, instruction.round)
        updates, after = local.finish()
        save_state(self.snapshots, instruction, self.model.vectors.layouts, after)
        tasks = {group: weighted_by(group) for group in updates}
        report = TrainReport(
            client=self.site.client,
            round=instruction.round,
            images=result.images,
            steps=result.steps,
            labelled=dict(result.labelled),
            loss_sums=dict(result.loss_sums),
            loss_counts=dict(result.loss_counts),
            weights={g: float(result.images if t is None else result.labelled[t]) for g, t in tasks.items()},
            seconds=result.seconds,
        )
        return report, updates

    def evaluate(
        self, instruction: EvaluateInstruction, encoded: Mapping[str, Encoded]
    ) -> tuple[EvaluateReport, dict[str, NDArray[np.float64]]]:
        """Statistics of every task on each split that is asked for, with the groups as they are sent.

        Where validation is asked for, the model is kept if it is the client's best so far.

        Raises:
            ExchangeError: the groups are not those that were agreed on.
            RunError: the private state is lost, or the best model cannot be kept.
        """
        set_threads(self.plan.training)
        received = self._received(encoded, self._traffic.measured(instruction.accepted))
        for group, vector in (received | dict(self._kept(instruction).groups)).items():
            self.model.vectors.write(group, vector)
        measured = {split: self._measure(self.model.network, split) for split in instruction.splits}
        if "val" in measured:
            run, metrics = instruction.federation.run, measured["val"].primary(self.tasks)
            self._best.offer(run, instruction.round, metrics, self._measure_brought)
        vectors = {
            statistics_name(split, task.name): join_statistics(task.spec, result.statistics[task.name])
            for split, result in measured.items()
            for task in self.tasks
        }
        images = sum(result.images for result in measured.values())
        seconds = sum(result.seconds for result in measured.values())
        return EvaluateReport(self.site.client, instruction.round, images, seconds), vectors

    def _measure(self, network: MultiTaskNetwork, split: Split) -> Evaluation:
        config, workers = self.plan.training, self.site.data.workers
        return evaluate(network, self.tasks, self._measured[split], config.batch_size, workers)

    def _measure_brought(self, model: TrainedModel) -> Mapping[str, float]:
        network = model.network.to(choose_device(self.plan.training))
        return self._measure(network, "val").primary(self.tasks)

    def _received(self, encoded: Mapping[str, Encoded], expected: Collection[str]) -> dict[str, Vector]:
        """The sent groups, if they are those that this message has."""
        if odd := sorted(set(encoded) ^ set(expected)):
            raise ExchangeError(
                f"the server {'sent' if odd[0] in encoded else 'did not send'} group '{odd[0]}'"
            )
        layouts = self.model.vectors.layouts
        return {group: decode(vector, layouts[group].size, np.float32) for group, vector in encoded.items()}

    def _kept(self, instruction: Instruction) -> PrivateState:
        """The private state of the last accepted round; a newcomer's has its private groups alone."""
        layouts = {group: self.model.vectors.layouts[group] for group in self.model.holdings.kept}
        return load_state(self.snapshots, instruction, layouts, self._initial)

    def _dataset(self, ids: tuple[str, ...]) -> ClientDataset:
        config = replace(
            self.site.data,
            image_size=self.plan.image_size,
            resize=self.plan.resize,
            augment=self.plan.augment,
        )
        return ClientDataset(self.site.source, ids, self.tasks, config)
