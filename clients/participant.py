"""One client in a federation: its network, its data, its rounds. Nothing here knows Flower."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from clients.site import Site
from clients.state import load_state, save_state
from fedmtl.aggregation import Policy, build_method
from fedmtl.config import Context
from fedmtl.data import ClientDataset
from fedmtl.errors import ConfigError, ExchangeError
from fedmtl.exchange.codec import Encoded, decode
from fedmtl.exchange.layout import Vector
from fedmtl.exchange.messages import EvaluateReport, Federation, Instruction, Membership, TrainReport
from fedmtl.models.groups import Role, role, weighted_by
from fedmtl.models.network import MultiTaskNetwork
from fedmtl.models.vectors import GroupVectors
from fedmtl.private_state import PrivateState
from fedmtl.scenario import parse_plan
from fedmtl.snapshots import Snapshots
from fedmtl.tasks import build_task
from fedmtl.training.device import choose_device, set_threads
from fedmtl.training.evaluation import evaluate
from fedmtl.training.optimization import load_optimizer, make_optimizer, optimizer_tensors
from fedmtl.training.statistics import join_statistics
from fedmtl.training.trainer import LocalTerm, LocalTrainer


class Participant:
    """A client that joined a federation.

    It keeps no state between rounds but caches: every round loads the groups it is sent and the private state
    of the round that the server names, so it does not matter which process a round runs in.
    """

    def __init__(self, site: Site, private: Snapshots, federation: Federation) -> None:
        self.site = site
        self.snapshots = private
        self.plan = parse_plan(federation.plan)
        self.method = build_method(self.plan.method)
        set_threads(self.plan.training)
        own = {spec.name for spec in site.tasks}
        context = self.plan.model.context is Context.all
        self.tasks = [build_task(spec) for spec in site.tasks]
        present = [build_task(spec) for spec in federation.tasks if context or spec.name in own]
        self.network = MultiTaskNetwork(
            self.plan.model,
            present,
            own,
            channels=site.source.channels,
            image_size=self.plan.image_size,
            seed=self.plan.seed,
        ).to(choose_device(self.plan.training))
        self.vectors = GroupVectors(self.network)
        names = [task.name for task in present]
        roles = {group: role(group, own=own, tasks=names, heads=own) for group in self.vectors.layouts}
        shared = {group for group in roles if self.method.policy(group) is Policy.shared}
        self._trains = [
            group for group, is_role in roles.items() if is_role is Role.train and group in shared
        ]
        self._reads = [group for group, is_role in roles.items() if is_role is Role.read and group in shared]
        self._private = [
            group for group, is_role in roles.items() if is_role is Role.train and group not in shared
        ]
        if unread := [g for g, is_role in roles.items() if is_role is Role.read and g not in shared]:
            raise ConfigError(
                f"model.context: 'all' reads '{unread[0]}', which method '{self.plan.method['name']}' keeps private; "
                "use context 'own'"
            )
        self._initial = PrivateState({group: self.vectors.read(group) for group in self._private})
        self._train_data = self._dataset(site.share.train)
        self._val_data = self._dataset(site.share.val)

    def membership(self) -> Membership:
        """The digests of the shared groups that this client trains or reads."""
        digests = {group: layout.digest for group, layout in self.vectors.layouts.items()}
        return Membership({g: digests[g] for g in self._trains}, {g: digests[g] for g in self._reads})

    def train(
        self, instruction: Instruction, encoded: Mapping[str, Encoded]
    ) -> tuple[TrainReport, dict[str, Vector]]:
        """Train one round from the groups as they are sent.

        Returns:
            The report, and per shared group that it trains what training added to it.

        Raises:
            ExchangeError: the groups are not those that were agreed on.
            RunError: the private state is lost or cannot be saved.
            TrainingError: a loss is not finite.
        """
        set_threads(self.plan.training)
        received, state = self._load(instruction, encoded)
        optimizer = make_optimizer(self.vectors, self.plan.training)
        load_optimizer(optimizer, self.network, state.optimizer)
        trainer = LocalTrainer(
            self.network, self.tasks, self._train_data, self.plan, self.site.client, self.site.data.workers
        )
        result = trainer.train(optimizer, instruction.round, self._local_term(received))
        updates = {group: self.vectors.change(group, received[group]) for group in self._trains}
        kept = optimizer_tensors(optimizer, self.network) if self.plan.training.keep_optimizer else {}
        after = PrivateState({group: self.vectors.read(group) for group in self._private}, kept)
        save_state(self.snapshots, instruction, self.vectors.layouts, after)
        tasks = {group: weighted_by(group) for group in self._trains}
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
        self, instruction: Instruction, encoded: Mapping[str, Encoded]
    ) -> tuple[EvaluateReport, dict[str, NDArray[np.float64]]]:
        """Statistics of every task on the validation images, with the groups as they are sent.

        Raises:
            ExchangeError: the groups are not those that were agreed on.
            RunError: the private state is lost.
        """
        set_threads(self.plan.training)
        self._load(instruction, encoded)
        result = evaluate(
            self.network, self.tasks, self._val_data, self.plan.training.batch_size, self.site.data.workers
        )
        vectors = {task.name: join_statistics(task.spec, result.statistics[task.name]) for task in self.tasks}
        return EvaluateReport(self.site.client, instruction.round, result.images, result.seconds), vectors

    def _load(
        self, instruction: Instruction, encoded: Mapping[str, Encoded]
    ) -> tuple[dict[str, Vector], PrivateState]:
        """Put the sent groups and the private state into the network."""
        if odd := sorted(set(encoded) ^ {*self._trains, *self._reads}):
            raise ExchangeError(
                f"the server {'sent' if odd[0] in encoded else 'did not send'} group '{odd[0]}'"
            )
        received = {
            group: decode(vector, self.vectors.layouts[group].size, np.float32)
            for group, vector in encoded.items()
        }
        private = {group: self.vectors.layouts[group] for group in self._private}
        state = load_state(self.snapshots, instruction, private, self._initial)
        for group, vector in (received | dict(state.groups)).items():
            self.vectors.write(group, vector)
        return received, state

    def _local_term(self, received: Mapping[str, Vector]) -> LocalTerm | None:
        if not self.method.adds_to_loss:
            return None
        pairs = [
            (tensor, value)
            for group in self._trains
            for tensor, value in zip(
                self.vectors.tensors(group), self.vectors.views(group, received[group]), strict=True
            )
            if tensor.requires_grad
        ]
        parameters, values = [tensor for tensor, _ in pairs], [value for _, value in pairs]
        return lambda: self.method.local_term(parameters, values)

    def _dataset(self, ids: tuple[str, ...]) -> ClientDataset:
        config = replace(
            self.site.data,
            image_size=self.plan.image_size,
            resize=self.plan.resize,
            augment=self.plan.augment,
        )
        return ClientDataset(self.site.source, ids, self.tasks, config)
