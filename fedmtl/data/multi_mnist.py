"""MultiMNIST (Sabour et al. 2017; Sener and Koltun 2018): two digits in one image, which overlap, and a task each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from omegaconf import MISSING

from fedmtl.data.files import FileError
from fedmtl.data.idx import CLASSES, SIZE, Digits, find_digits, read_digits
from fedmtl.data.on_disk import OnDisk
from fedmtl.data.splits import SPLITS, Split
from fedmtl.errors import ConfigError, DataError, did_you_mean
from fedmtl.seeding import numpy_rng
from fedmtl.tasks import build_task
from fedmtl.tasks.base import Label, Task
from fedmtl.tasks.spec import TaskSpec

CANVAS = 36
"""Pixels of a side of an image."""
SIDES = ("left", "right")
HALVES = {"train": "train", "val": "train", "test": "t10k"}
"""Split → the half of MNIST that its digits are of."""
VALIDATION = 6
"""One of so many training digits is for validation."""


@dataclass
class MultiMnist(OnDisk):
    """Pairs of MNIST's digits, or of what else comes in such files, put together when they are asked for.

    ```
    train-images-idx3-ubyte train-labels-idx1-ubyte     60,000 of 28×28; or each with .gz
    t10k-images-idx3-ubyte t10k-labels-idx1-ubyte       10,000, which are for the test alone
    ```

    An image of 36×36 has one digit at its upper left and another of the same split, drawn at random, at its lower
    right; where they overlap, the brighter pixel counts. Every digit is at the left of one image, which is called by
    the digit's place in its file: `<split>-<place>`. The last sixth of the training digits makes the split `val`, so
    no digit is in two splits.

    Args:
        path: the folder with the files.
        names: `left` or `right` → the name by which the federation knows it, where another source has other classes.
        seed: another seed, other pairs.

    Raises:
        ConfigError: `names` has another key, or both tasks one name.
    """

    path: str = MISSING
    names: dict[str, str] = field(default_factory=dict)
    seed: int = 0

    most_decoded: ClassVar[int | None] = 200

    def __post_init__(self) -> None:
        for side in self.names:
            if side not in SIDES:
                raise ConfigError(f"names.{side}: MultiMNIST has no such task; {did_you_mean(side, SIDES)}")
        if len(self._kinds) < len(SIDES):
            raise ConfigError(f"names: left and right are both called '{next(iter(self._kinds))}'")

    @classmethod
    def fits(cls, root: Path) -> bool:
        """Whether there is one of the files of the training digits."""
        return any(any(root.glob(f"train-{mark}*ubyte*")) for mark in ("images", "labels"))

    @property
    def layout(self) -> str:
        """How many digits there are."""
        self._require_layout()
        found = [
            f"{len(half.classes):,} {name} digits"
            for half, name in zip(self._halves.values(), ("training", "test"), strict=False)
            if isinstance(half, Digits)
        ]
        return f"MultiMNIST, of {' and '.join(found) or 'broken files'}"

    @cached_property
    def splits(self) -> Mapping[str, Split]:
        """Every image; `test` only where the folder has one of its files."""
        self._require_layout()
        return {name: self._listed(name) for name in SPLITS if HALVES[name] in self._halves}

    def split_path(self, name: str) -> Path:
        """The file with the digits' pixels."""
        return self.root / f"{HALVES[name]}-images-idx3-ubyte"

    @property
    def tasks(self) -> Mapping[str, TaskSpec]:
        """The digit at the left, and the one at the right."""
        return {name: kind.spec for name, kind in self._kinds.items()}

    @property
    def channels(self) -> int:
        """Grey."""
        return 1

    def site(self, sample_id: str) -> str:
        """None."""
        return ""

    def kind(self, task: str) -> Task:
        """One of the two; raises DataError where there is no such task."""
        if task not in self._kinds:
            raise DataError(f"MultiMNIST has no task '{task}'; {did_you_mean(task, self._kinds)}")
        return self._kinds[task]

    def image_path(self, sample_id: str) -> Path:
        """The file with the pixels of both digits."""
        return self.split_path(self._parse(sample_id)[0])

    def image(self, sample_id: str) -> NDArray[Any]:
        """Two digits, (36, 36, 1) uint8."""
        split, *places = self._parse(sample_id)
        left, right = self._digits(split).pixels[places]
        canvas = np.zeros((CANVAS, CANVAS, 1), np.uint8)
        canvas[:SIZE, :SIZE, 0] = left
        corner = canvas[-SIZE:, -SIZE:, 0]
        np.maximum(corner, right, out=corner)
        return canvas

    def label(self, sample_id: str, task: str, size: tuple[int, int] | None) -> Label:
        """A digit's class; see `OnDisk.label`."""
        split, *places = self._parse(sample_id)
        place = places[[*self._kinds].index(self.kind(task).name)]
        return self._digits(split).classes[[place]].astype(np.int64)

    def _require_layout(self) -> None:
        from fedmtl.data.layouts import misfit  # which knows every kind of source

        if not self.fits(self.root):
            lack = "it has no file train-images-idx3-ubyte, or with .gz"
            way_out = "name the folder with MNIST's files"
            raise DataError(f"{self.path}: {misfit(self.root, 'MultiMNIST', lack, way_out)}")

    @cached_property
    def _kinds(self) -> Mapping[str, Task]:
        """Task → its kind; the one at the left first."""
        classes = tuple(map(str, range(CLASSES)))
        names = [self.names.get(side, side) for side in SIDES]
        return {name: build_task(TaskSpec(name, "classification", classes)) for name in names}

    @cached_property
    def _halves(self) -> Mapping[str, Digits | FileError]:
        """The halves of which there is any file, the training half first, or what is wrong with them."""
        found: dict[str, Digits | FileError] = {}
        for half in dict.fromkeys(HALVES.values()):
            if any(self.root.glob(f"{half}-*ubyte*")):
                try:
                    found[half] = read_digits(*find_digits(self.root, half))
                except FileError as error:
                    found[half] = error
        return found

    def _digits(self, split: str) -> Digits:
        """The half that a split is of; raises FileError where it is broken or not there."""
        half = self._halves.get(HALVES[split]) or FileError(self.split_path(split), "there is no such file")
        if isinstance(half, FileError):
            raise half
        return half

    def _places(self, split: str) -> range:
        """Of a split's digits in their file; raises FileError where they are too few for a pair."""
        count = len(self._digits(split).classes)
        held_out = count // VALIDATION
        first, end = {"train": (0, count - held_out), "val": (count - held_out, count)}.get(split, (0, count))
        places = range(first, end)
        if len(places) < 2:
            raise FileError(
                self.split_path(split), f"has {count} images, of which {split} has too few for a pair"
            )
        return places

    def _listed(self, split: str) -> Split:
        try:
            return Split(tuple(f"{split}-{place}" for place in self._places(split)), ())
        except FileError as error:
            return Split((), (error,))

    @cached_property
    def _partners(self) -> Mapping[str, NDArray[np.int64]]:
        """Split → for each of its digits, how many places further on, in a circle, the one at its right is."""
        counts = {name: len(split.ids) for name, split in self.splits.items() if split.ids}
        return {
            name: numpy_rng(self.seed, "multi-mnist", name).integers(1, count, count)
            for name, count in counts.items()
        }

    def _parse(self, sample_id: str) -> tuple[str, int, int]:
        """The split, and the places of the digits at the left and at the right."""
        parts = re.fullmatch(r"(train|val|test)-(0|[1-9]\d*)", sample_id)
        if parts is None or int(parts[2]) not in (places := self._places(parts[1])):
            raise DataError(f"{self.path} has no sample '{sample_id}': ids are <split>-<place>, as train-0")
        index = int(parts[2]) - places.start
        step = self._partners[parts[1]][index]
        return parts[1], int(parts[2]), places[(index + int(step)) % len(places)]
