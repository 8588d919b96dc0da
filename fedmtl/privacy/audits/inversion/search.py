"""The loop of attacks that search: images are moved until their gradients are those observed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from fedmtl.privacy.audits.inversion.base import Case, Inversion, Reconstruction
from fedmtl.privacy.audits.inversion.crowd import Crowd
from fedmtl.privacy.audits.inversion.lbfgs import Evaluate
from fedmtl.privacy.audits.inversion.rows import Rows
from fedmtl.privacy.audits.inversion.victim import Gradient, Victim
from fedmtl.privacy.audits.quality import total_variation
from fedmtl.seeding import torch_generator

TOGETHER = 24
"""Cases that are searched for side by side. Among several hundred images, one costs no less the more there are."""


class Descent(Protocol):
    """Minimises functions of rows side by side; see `Lbfgs`."""

    x: Tensor

    def advance(self, evaluate: Evaluate, count: int) -> None:
        """Go on for so many evaluations."""

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows alone."""


@dataclass(frozen=True)
class Search(Inversion):
    """An attack from several random beginnings, all of them, and those of many cases, side by side.

    After `trial` steps only the beginning goes on whose gradient is nearest to the observed one: the attack's own
    measure, which knows nothing of the true image. A step of all rows together takes little longer than one of a
    single row, whose hundreds of small operations cost more to start than to compute.

    Args:
        restarts: beginnings of each reconstruction.
        trial: steps of each beginning.
        steps: of the one that goes on, those of its trial among them.
        smoothness: weight of the total variation beside the distance.
    """

    restarts: int = 4
    trial: int = 30
    steps: int = 120
    smoothness: float = 0.01

    def applies(self, victims: Sequence[Victim], observed: Gradient) -> bool:
        return bool(observed)

    def reconstruct(self, cases: Sequence[Case]) -> Iterator[Reconstruction]:
        for start in range(0, len(cases), TOGETHER):
            batch = cases[start : start + TOGETHER]
            found: dict[int, Reconstruction] = {}
            for count in {len(case.victims) for case in batch}:
                alike = [i for i, case in enumerate(batch) if len(case.victims) == count]
                found |= zip(alike, self._search([batch[i] for i in alike]), strict=True)
            yield from (found[i] for i in range(len(batch)))

    def _search(self, cases: Sequence[Case]) -> list[Reconstruction]:
        """Of cases that have equally many victims."""
        shape = (len(cases[0].victims), *cases[0].victims[0].shape)
        rows = Rows.of([case.observed for case in cases for _ in range(self.restarts)])
        crowd = Crowd.of([case.victims for case in cases for _ in range(self.restarts)])
        noise = [
            torch.randn(shape, generator=torch_generator(case.seed, "inversion", restart))
            for case in cases
            for restart in range(self.restarts)
        ]
        descent = self.descent((0.5 + 0.25 * torch.stack(noise)).clamp(0, 1).flatten(1))

        def evaluate(x: Tensor) -> tuple[Tensor, Tensor]:
            x = x.detach().requires_grad_()
            images = x.view(-1, *shape)
            values = self._distances(crowd, images, rows) + self.smoothness * total_variation(images)
            return values.detach(), torch.autograd.grad(values.sum(), x)[0]

        trial = min(self.trial, self.steps)
        descent.advance(evaluate, trial)
        distances = self._distances(crowd, _images(descent, shape), rows).detach()
        nearest = distances.nan_to_num(torch.inf).view(-1, self.restarts).argmin(dim=1)
        chosen = nearest + self.restarts * torch.arange(len(cases))
        descent.keep(chosen)
        rows, crowd = rows.take(chosen), Crowd.of([case.victims for case in cases])
        descent.advance(evaluate, self.steps - trial)
        images = _images(descent, shape)
        distances = self._distances(crowd, images, rows).detach()
        return [Reconstruction(*pair) for pair in zip(images, distances.tolist(), strict=True)]

    def _distances(self, crowd: Crowd, images: Tensor, rows: Rows) -> Tensor:
        return self.distances(crowd.gradients(images, rows.values), rows)

    @abstractmethod
    def descent(self, x: Tensor) -> Descent:
        """What moves the images, from x (R, D)."""

    @abstractmethod
    def distances(self, gradients: Mapping[str, Tensor], rows: Rows) -> Tensor:
        """How far each row's gradient is from the one that it looks for, (R,); differentiable."""


def _images(descent: Descent, shape: tuple[int, ...]) -> Tensor:
    return descent.x.nan_to_num(0.5).clamp(0, 1).view(-1, *shape)
