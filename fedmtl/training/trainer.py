"""Local training: one client's share of a round."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fedmtl.config import Plan
from fedmtl.data import Batch, ClientDataset, make_loader
from fedmtl.models.network import MultiTaskNetwork
from fedmtl.seeding import torch_seed
from fedmtl.tasks import Task
from fedmtl.training.losses import LossAccount
from fedmtl.training.optimization import learning_rate_factor, set_learning_rate

LocalTerm = Callable[[], Tensor | None]


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

    def train(
        self, optimizer: torch.optim.Optimizer, round_number: int, local_term: LocalTerm | None = None
    ) -> LocalResult:
        """Run the configured passes over the data set.

        Args:
            local_term: what the method adds to the loss, evaluated at every batch.

        Raises:
            TrainingError: a loss is not finite; names the batch. The network is then worthless.
        """
        began = time.monotonic()
        config = self.plan.training
        account = LossAccount([task.name for task in self.tasks], f"round {round_number} of '{self.client}'")
        self.network.train()
        # A round that failed may have left some.
        optimizer.zero_grad()
        steps = 0
        for epoch in range(config.epochs):
            words = ("train", round_number, self.client, epoch)
            loader = make_loader(
                self.dataset,
                config.batch_size,
                training=True,
                seed=self.plan.seed,
                words=words,
                workers=self.workers,
            )
            batches = len(loader)
            with torch_seed(self.plan.seed, *words):
                for index, batch in enumerate(loader):
                    first = index // config.accumulate * config.accumulate
                    self._backward(batch, min(config.accumulate, batches - first), account, local_term)
                    if index + 1 == min(first + config.accumulate, batches):
                        done = (epoch + (index + 0.5) / batches) / config.epochs
                        self._step(optimizer, (round_number - 1 + done) / self.plan.rounds)
                        steps += 1
            account.settle()
        labelled = {task: len(images) for task, images in account.labelled.items()}
        seconds = time.monotonic() - began
        return LocalResult(len(account.images), steps, labelled, account.sums, account.counts, seconds)

    def _backward(
        self, batch: Batch, accumulated: int, account: LossAccount, local_term: LocalTerm | None
    ) -> None:
        """Add the gradient of one batch, as one of `accumulated` in a step."""
        device = next(self.network.parameters()).device
        batch = batch.to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            output = self.network(batch.image)
        terms = {
            task.name: task.loss(output.predictions[task.name], batch.targets[task.name])
            for task in self.tasks
        }
        total = output.auxiliary
        for task in self.tasks:
            total = total + self._weight(task) * terms[task.name]
        extra = local_term() if local_term is not None else None
        if extra is not None:
            total = total + extra
        (total / accumulated).backward()
        account.add(batch, terms, total)

    def _step(self, optimizer: torch.optim.Optimizer, progress: float) -> None:
        set_learning_rate(optimizer, learning_rate_factor(self.plan.training, progress))
        if self.plan.training.clip_norm:
            trained = [parameter for group in optimizer.param_groups for parameter in group["params"]]
            nn.utils.clip_grad_norm_(trained, self.plan.training.clip_norm)
        optimizer.step()
        optimizer.zero_grad()

    def _weight(self, task: Task) -> float:
        configured = self.plan.tasks.get(task.name)
        return task.weight if configured is None or configured.weight is None else configured.weight
