"""Local training: one client's share of a round."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import nn

from fedmtl.config import Plan
from fedmtl.data import Batch, ClientDataset, make_loader
from fedmtl.data.loader import Loader
from fedmtl.models.network import MultiTaskNetwork
from fedmtl.seeding import torch_seed
from fedmtl.tasks import Task
from fedmtl.training.losses import LossAccount
from fedmtl.training.objective import Objective
from fedmtl.training.optimization import learning_rate_factor, set_learning_rate
from fedmtl.training.stages import Stage, in_turn


@dataclass(frozen=True)
class LocalResult:
    """What a client's training amounted to; the counts are those of `TrainReport`."""

    images: int
    steps: int
    labelled: Mapping[str, int]
    loss_sums: Mapping[str, float]
    loss_counts: Mapping[str, int]
    seconds: float


@dataclass(frozen=True)
class LocalTrainer:
    """Trains one client's network, in place and on the device that it is on.

    Args:
        tasks: the client's own tasks.
        client: keys its randomness, with the plan's seed, the round and the pass.
        workers: loader processes.
    """

    network: MultiTaskNetwork
    tasks: Sequence[Task]
    dataset: ClientDataset
    plan: Plan
    client: str
    workers: int = 0

    def train(self, stages: Sequence[Stage], round_number: int) -> LocalResult:
        """Run the configured passes over the data set; the stages divide their steps.

        Raises:
            TrainingError: a loss is not finite; names the batch. The network is then worthless.
        """
        began = time.monotonic()
        config = self.plan.training
        account = LossAccount([task.name for task in self.tasks], f"round {round_number} of '{self.client}'")
        self.network.train()
        # A round that failed may have left some.
        self.network.zero_grad()
        passes = [("train", round_number, self.client, epoch) for epoch in range(config.epochs)]
        loaders = [self._loader(words) for words in passes]
        steps = sum(math.ceil(len(loader) / config.accumulate) for loader in loaders)
        turns = in_turn(stages, steps)
        for epoch, (words, loader) in enumerate(zip(passes, loaders, strict=True)):
            batches = len(loader)
            with torch_seed(self.plan.seed, *words):
                for index, batch in enumerate(loader):
                    first = index // config.accumulate * config.accumulate
                    if index == first:
                        stage = next(turns)
                    self._backward(batch, min(config.accumulate, batches - first), account, stage)
                    if index + 1 == min(first + config.accumulate, batches):
                        done = (epoch + (index + 0.5) / batches) / config.epochs
                        self._step(stage, (round_number - 1 + done) / self.plan.rounds)
            account.settle()
        labelled = {task: len(images) for task, images in account.labelled.items()}
        seconds = time.monotonic() - began
        return LocalResult(len(account.images), steps, labelled, account.sums, account.counts, seconds)

    def _loader(self, words: tuple[str | int, ...]) -> Loader:
        """The batches of one pass, keyed by `words`."""
        return make_loader(
            self.dataset,
            self.plan.training.batch_size,
            training=True,
            seed=self.plan.seed,
            words=words,
            workers=self.workers,
        )

    def _backward(self, batch: Batch, accumulated: int, account: LossAccount, stage: Stage) -> None:
        """Add the gradient of one batch, as one of `accumulated` in a step."""
        batch = batch.to(next(self.network.parameters()).device)
        terms, total = Objective(self.network, self.tasks, self.plan.tasks)(batch)
        extra = stage.local_term() if stage.local_term is not None else None
        if extra is not None:
            total = total + extra
        # Only for what the stage trains: under a frozen trunk the way back is short.
        (total / accumulated).backward(inputs=stage.parameters)  # type: ignore[no-untyped-call]
        account.add(batch, terms, total)

    def _step(self, stage: Stage, progress: float) -> None:
        set_learning_rate(stage.optimizer, learning_rate_factor(self.plan.training, progress))
        if self.plan.training.clip_norm:
            nn.utils.clip_grad_norm_(stage.parameters, self.plan.training.clip_norm)
        stage.optimizer.step()
        stage.optimizer.zero_grad()
