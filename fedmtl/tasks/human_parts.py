"""Human part segmentation: body parts, left and right alike."""

from __future__ import annotations

from typing import Any, ClassVar

from numpy.typing import NDArray

from fedmtl.tasks.base import Label
from fedmtl.tasks.semseg import IGNORE, SemSeg


class HumanParts(SemSeg):
    """As `SemSeg`, with class 0 the background, and without the images that show no person.

    As the field does on PASCAL-Context, an image with background alone is wholly unlabelled: part labels were
    made of persons, so such an image says little and its background would outweigh every part.
    """

    weight: ClassVar[float] = 2.0

    def decode(self, raw: NDArray[Any]) -> Label:
        """Class indices (H, W) uint8; 255 everywhere where the image shows no person."""
        label = super().decode(raw)
        person = (label != 0) & (label != IGNORE)
        return label if person.any() else self.unlabelled(label.shape)
