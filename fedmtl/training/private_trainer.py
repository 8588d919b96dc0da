"""Local training with differential privacy of the client's images: DP-SGD (Abadi et al. 2016)."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from fedmtl.data import Batch, make_loader
from fedmtl.data.loader import Loader
from fedmtl.errors import ConfigError
from fedmtl.privacy.example_level import GradientMechanism
from fedmtl.privacy.poisson import poisson_sample
from fedmtl.seeding import torch_seed
from fedmtl.training.objective import Objective
from fedmtl.training.optimization import learning_rate_factor, set_learning_rate
from fedmtl.training.stages import Stage, in_turn
from fedmtl.training.trainer import LocalResult, LocalTrainer

if TYPE_CHECKING:
    from fedmtl.training.noisy_optimizer import NoisyOptimizer

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PrivateTrainer:
    """Trains as `local` would, but for what a step is.

    It takes every image with the same probability and alone, whatever the number of them; each one's gradient, of
    all its tasks' losses together, is clipped; and their sum gets noise. Losses that a batch has in common, such as
    that of the balance of routers, are those of each image by itself. Nothing that it returns depends on more of
    the images than how many there are and how many may have a label.
    """

    local: LocalTrainer
    mechanism: GradientMechanism

    def train(self, stages: Sequence[Stage], round_number: int) -> LocalResult:
        """Take the round's steps; the stages divide them.

        Raises:
            ConfigError: Opacus is not installed.
        """
        began = time.monotonic()
        local, sampling, epochs = self.local, self.mechanism.sampling, self.local.plan.training.epochs
        local.network.train()
        turns = in_turn(stages, sampling.steps)
        for epoch in range(epochs):
            samples = [
                poisson_sample(len(local.dataset), sampling.rate) for _ in range(sampling.steps // epochs)
            ]
            words = ("train", round_number, local.client, epoch)
            images = iter(self._loader(samples, words))
            for step, sample in enumerate(samples):
                done = (epoch + (step + 0.5) / len(samples)) / epochs
                progress = (round_number - 1 + done) / local.plan.rounds
                self._step(next(turns), (next(images) for _ in sample), progress, words)
        ids, source = local.dataset.ids, local.dataset.source
        labelled = {task.name: sum(source.has_label(i, task.name) for i in ids) for task in local.tasks}
        return LocalResult(len(ids), sampling.steps, labelled, {}, {}, time.monotonic() - began)

    def _loader(self, samples: Sequence[Sequence[int]], words: tuple[str | int, ...]) -> Loader:
        """The images of all samples, one at a time; how one is augmented in a pass is keyed by `words`."""
        return make_loader(
            self.local.dataset,
            1,
            training=True,
            seed=self.local.plan.seed,
            words=words,
            workers=self.local.workers,
            batches=[[index] for sample in samples for index in sample],
        )

    def _step(
        self, stage: Stage, images: Iterable[Batch], progress: float, words: tuple[str | int, ...]
    ) -> None:
        optimizer = self._optimizer(stage)
        for image in images:
            # Each image draws its own: were it one stream, an image would change what those after it draw, and so
            # the sum by more than its own gradient.
            with torch_seed(self.local.plan.seed, *words, image.ids[0]):
                gradients = self._gradients(image, optimizer.params)
            optimizer.add(gradients)
        set_learning_rate(stage.optimizer, learning_rate_factor(self.local.plan.training, progress))
        term = stage.local_term() if stage.local_term is not None else None
        optimizer.finish(None if term is None else _gradients(term, optimizer.params))

    def _optimizer(self, stage: Stage) -> NoisyOptimizer:
        try:
            from fedmtl.training.noisy_optimizer import NoisyOptimizer
        except ImportError as error:
            raise ConfigError(
                "privacy: training with differential privacy needs Opacus; run: pip install 'fedmtl[privacy]'"
            ) from error
        return NoisyOptimizer(stage.optimizer, self.mechanism)

    def _gradients(self, image: Batch, parameters: list[Tensor]) -> list[Tensor]:
        """One image's gradient; zero where it is not finite, as that must not be told by a failure either."""
        local = self.local
        image = image.to(parameters[0].device)
        total = Objective(local.network, local.tasks, local.plan.tasks)(image).total
        gradients = _gradients(total, parameters)
        if not bool(torch.stack(torch._foreach_norm(gradients)).isfinite().all()):
            logger.warning("the gradient of image %s is not finite: it is left out", image.ids[0])
            return [torch.zeros_like(gradient) for gradient in gradients]
        return gradients


def _gradients(loss: Tensor, parameters: list[Tensor]) -> list[Tensor]:
    return list(torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True))
