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

_OTHER = {"left": "right", "right": "left", "l": "r", "r": "l"}
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^A-Za-z]+")
"""The words of a name and what is between them, which together are the name."""


class HumanParts(SemSeg):
    """As `SemSeg`, with class 0 the background, and without the images that show no person.

    As the field does on PASCAL-Context, an image with background alone is wholly unlabelled, and so is what
    augmentation leaves of one without any person: part labels were made of persons, so such an image says little and
    its background would outweigh every part.
    """

    weight: ClassVar[float] = 2.0

    def __init__(self, spec: TaskSpec) -> None:
        super().__init__(spec)
        self._mirrored = mirrored_classes(spec.classes)

    def decode(self, raw: NDArray[Any]) -> Label:
        """Class indices (H, W) uint8; 255 everywhere where the image shows no person."""
        return self._of_persons(super().decode(raw))

    def seen(self, label: Label, image: NDArray[np.float32]) -> Label:
        """255 everywhere where a crop or a turn has left no person in the image."""
        return self._of_persons(label)

    def flip(self, label: Label) -> Label:
        """Mirrored, and what was a left hand is a right one, where classes tell them apart."""
        mirrored = super().flip(label)
        return mirrored if self._mirrored is None else self._mirrored[mirrored]

    def _of_persons(self, label: Label) -> Label:
        person = (label != 0) & (label != IGNORE)
        return label if person.any() else self.unlabelled(label.shape)


def mirrored_classes(classes: Sequence[str]) -> NDArray[np.uint8] | None:
    """Class index → that of the same part on the other side, (256,); None where no class has a side.

    A class has one if `left`, `right`, `l` or `r` is a word of its name, and there is the class with the other word.
    Words end where letters end, and before a capital: `left arm`, `LeftArm`, `arm_l`. An l or r that a name begins with
    counts as well where the class with the other letter is there: `larm` and `rarm`.
    """
    table = np.arange(256, dtype=np.uint8)
    for index, name in enumerate(classes):
        others = (_by_words(name), _by_letter(name))
        table[index] = classes.index(
            next((each for each in others if each != name and each in classes), name)
        )
    return table if (table != np.arange(256)).any() else None


def lone_sides(classes: Sequence[str]) -> list[tuple[str, str]]:
    """The classes with a word for a side of which the other side is no class, each with what that would be called."""
    return [(name, other) for name in classes if (other := _by_words(name)) != name and other not in classes]


def _by_words(name: str) -> str:
    """The name with the words for the other side; itself where it has none."""
    return "".join(_other_side(word) for word in _WORDS.findall(name))


def _by_letter(name: str) -> str:
    """The name with the first letter for the other side; itself where that or a word says no side."""
    other = _other_side(name[:1]) + name[1:]
    return other if _by_words(name) == name and _by_words(other) == other else name


def _other_side(word: str) -> str:
    other = _OTHER.get(word.lower(), word)
    if word.isupper():
        return other.upper()
    return other.capitalize() if word.istitle() else other
