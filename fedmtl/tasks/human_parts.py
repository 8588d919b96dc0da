"""Human part segmentation: body parts, of which a mirrored image exchanges left and right."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fedmtl.tasks.base import Label
from fedmtl.tasks.semseg import IGNORE, SemSeg
from fedmtl.tasks.spec import TaskSpec


class HumanParts(SemSeg):
    """As `SemSeg`, with class 0 the background, and without the images that show no person.

    As the field does on PASCAL-Context, an image with background alone is wholly unlabelled: part labels were
    made of persons, so such an image says little and its background would outweigh every part.
    """

    weight: ClassVar[float] = 2.0

    def __init__(self, spec: TaskSpec) -> None:
        super().__init__(spec)
        self._mirrored = mirrored_classes(spec.classes)

    def decode(self, raw: NDArray[Any]) -> Label:
        """Class indices (H, W) uint8; 255 everywhere where the image shows no person."""
        label = super().decode(raw)
        person = (label != 0) & (label != IGNORE)
        return label if person.any() else self.unlabelled(label.shape)

    def flip(self, label: Label) -> Label:
        """Mirrored, and what was a left hand is a right one, where classes tell them apart."""
        mirrored = super().flip(label)
        return mirrored if self._mirrored is None else self._mirrored[mirrored]


def mirrored_classes(classes: Sequence[str]) -> NDArray[np.uint8] | None:
    """Class index → that of the same part on the other side, (256,); None where no class has a side.

    A class has one if `left` or `right` is a word of its name, and there is the class with the other word.
    """
    table = np.arange(256, dtype=np.uint8)
    for index, name in enumerate(classes):
        other = re.sub(r"(?<![a-z])(left|right)(?![a-z])", _other_side, name, flags=re.IGNORECASE)
        if other in classes:
            table[index] = classes.index(other)
    return table if (table != np.arange(256)).any() else None


def _other_side(word: re.Match[str]) -> str:
    other = "right" if word[0].lower() == "left" else "left"
    return other.capitalize() if word[0][0].isupper() else other
