"""The contract of an inversion attack, and the loop of those that search."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from fedmtl.privacy.audits.inversion.victim import Gradient, Victim
from fedmtl.seeding import torch_generator


@dataclass(frozen=True)
class Reconstruction:
    """What an attack makes of an update.

    Attributes:
        images: (n, C, H, W) in [0, 1], one a victim.
        distance: between the gradients of these images and the observed one; it, and never the truth, decides
            between attempts.
    """

    images: Tensor
    distance: float


class Inversion(ABC):
    """An attack; its options are its dataclass fields."""

    @abstractmethod
    def applies(self, victims: Sequence[Victim], observed: Gradient) -> bool:
        """Whether it can be tried on such a model, with what is seen of the update."""

    @abstractmethod
    def reconstruct(self, victims: Sequence[Victim], observed: Gradient, seed: int) -> Reconstruction:
        """The images of `victims`, if the mean of their gradients were `observed`.

        Args:
            seed: keys what is drawn.
        """


@dataclass(frozen=True)
class Search(Inversion):
    """An attack that moves images until their gradients are those observed, from several random beginnings.

    Args:
        restarts: beginnings; the images whose gradient is nearest to the observed one are the result.
        steps: of one restart.
        smoothness: weight of the total variation beside the distance.
    """

    restarts: int = 4
    steps: int = 120
    smoothness: float = 0.2

    def applies(self, victims: Sequence[Victim], observed: Gradient) -> bool:
        return bool(observed)

    def reconstruct(self, victims: Sequence[Victim], observed: Gradient, seed: int) -> Reconstruction:
        best = Reconstruction(torch.empty(0), float("inf"))
        for restart in range(self.restarts):
            noise = torch.randn(
                len(victims), *victims[0].shape, generator=torch_generator(seed, "inversion", restart)
            )
            found = self.descend(victims, observed, (0.5 + 0.25 * noise).clamp(0, 1))
            if found.distance <= best.distance:
                best = found
        return best

    @abstractmethod
    def descend(self, victims: Sequence[Victim], observed: Gradient, images: Tensor) -> Reconstruction:
        """One attempt, from `images` (n, C, H, W)."""


def mean_gradient(victims: Sequence[Victim], images: Tensor, observed: Gradient) -> Mapping[str, Tensor]:
    """The mean of the victims' gradients at `images`, by what is observed; differentiable.

    A parameter's mean is over the victims that have it, as it is over the holders of its group.
    """
    sums: dict[str, Tensor] = {}
    counts = dict.fromkeys(observed, 0)
    for victim, image in zip(victims, images, strict=True):
        own = dict(victim.objective.network.named_parameters())
        for name, gradient in victim.gradient(image, [name for name in observed if name in own]).items():
            sums[name] = sums[name] + gradient if name in sums else gradient
            counts[name] += 1
    return {name: total / counts[name] for name, total in sums.items()}
