"""The contract of an inversion attack."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from fedmtl.privacy.audits.inversion.victim import Gradient, Victim


class Case(NamedTuple):
    """An update to attack.

    Attributes:
        victims: the clients whose mean gradient it is taken for.
        observed: what it says of that.
        seed: keys what is drawn.
    """

    victims: Sequence[Victim]
    observed: Gradient
    seed: int


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
    def reconstruct(self, cases: Sequence[Case]) -> Iterator[Reconstruction]:
        """The images of each case's victims, in order; each is attacked as if it were the only one.

        Args:
            cases: to all of which the attack `applies`.
        """
