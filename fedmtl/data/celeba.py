"""CelebA (Liu et al. 2015): faces with 40 attributes each, and whatever else comes with such lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from omegaconf import MISSING

from fedmtl.data.attribute_list import AttributeList, read_attributes, read_partition
from fedmtl.data.base import Problem
from fedmtl.data.files import FileError, find_file
from fedmtl.data.on_disk import OnDisk
from fedmtl.data.splits import Split
from fedmtl.errors import ConfigError, DataError, did_you_mean
from fedmtl.tasks import build_task
from fedmtl.tasks.base import Label, Task
from fedmtl.tasks.spec import TaskSpec

LISTS = ("list_attr_celeba.txt", "Anno/list_attr_celeba.txt", "list_attr_celeba.csv")
PARTITIONS = ("list_eval_partition.txt", "Eval/list_eval_partition.txt", "list_eval_partition.csv")
IMAGES = (
    *("img_align_celeba/img_align_celeba", "img_align_celeba", "img_align_celeba_png"),
    *("Img/img_align_celeba", "Img/img_align_celeba_png"),
)
"""Where the authors', torchvision's and Kaggle's folders have them."""
SUFFIXES = (".jpg", ".png", ".jpeg")


@dataclass
class CelebA(OnDisk):
    """202,599 aligned faces of 178×218, and which of 40 attributes they have.

    ```
    img_align_celeba/000001.jpg     or below Img, or in a second folder of that name
    list_attr_celeba.txt            how many; the attributes; a line an image, 1 or −1 for each; or .csv; or in Anno
    list_eval_partition.txt         0 for training, 1 for validation, 2 for test; or .csv; or in Eval
    ```

    The attributes are those that the list names: other data sets may have such lists as well. Sample ids are images'
    names without suffix.

    Args:
        path: the folder.
        attributes: task → its attributes. Several make a multi-label task, one a classification. Without any, there is
            the one task `attributes`, of all of them.
    """

    path: str = MISSING
    attributes: dict[str, list[str]] = field(default_factory=dict)

    most_decoded: ClassVar[int | None] = 200

    @classmethod
    def fits(cls, root: Path) -> bool:
        """Whether there is a list of attributes."""
        return any((root / name).is_file() for name in LISTS)

    @property
    def layout(self) -> str:
        """How many images and attributes the list has."""
        listed = self._listed
        return f"CelebA, or its like: {len(listed.rows):,} images with {len(listed.attributes)} attributes"

    @cached_property
    def splits(self) -> Mapping[str, Split]:
        """Those of the list of splits."""
        self._require_layout()
        return read_partition(self.split_path("train"))

    def split_path(self, name: str) -> Path:
        """The list of all splits."""
        return _first(self.root, PARTITIONS)

    @cached_property
    def tasks(self) -> Mapping[str, TaskSpec]:
        """Those that `attributes` makes.

        Raises:
            DataError: the list cannot be read, or has no such attribute.
        """
        return {name: kind.spec for name, kind in self._kinds.items()}

    @property
    def channels(self) -> int:
        """Red, green, blue."""
        return 3

    def site(self, sample_id: str) -> str:
        """None: persons have numbers, but none has images in two splits."""
        return ""

    def kind(self, task: str) -> Task:
        """One of `tasks`; raises DataError where there is no such task."""
        if task not in self._kinds:
            hint = did_you_mean(task, self._kinds)
            raise DataError(f"{self.path} has no task '{task}'; {hint}; attributes.{task}=[…] makes it")
        return self._kinds[task]

    def has_label(self, sample_id: str, task: str) -> bool:
        """Whether the list has a row for the image."""
        return sample_id in self._listed.rows

    def files(self, sample_id: str, tasks: Sequence[str]) -> Sequence[Path]:
        """The image and the list of attributes."""
        return [self.image_path(sample_id), self._listed.path]

    def image_path(self, sample_id: str) -> Path:
        """The file of an image; raises DataError where there is none, or more than one."""
        return find_file(_first(self.root, IMAGES) / sample_id, SUFFIXES, "image")

    def image(self, sample_id: str) -> NDArray[Any]:
        """An image (H, W, 3) uint8; grey ones have three equal channels."""
        image = super().image(sample_id)
        return np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image

    def label(self, sample_id: str, task: str, size: tuple[int, int] | None) -> Label:
        """A label; see `OnDisk.label`."""
        kind = self.kind(task)
        return kind.decode(np.array(self._listed.values(sample_id, self._attributes[task])))

    def remarks(self) -> Sequence[Problem]:
        """How many rows are of images in no split."""
        known = {sample_id for split in self.splits.values() for sample_id in split.ids}
        unused = [row for row in self._listed.rows if row not in known]
        if not unused:
            return ()
        more = f" and {len(unused) - 1:,} more are" if len(unused) > 1 else " is"
        return [Problem(str(self._listed.path), f"row '{unused[0]}'{more} in no split")]

    def lacks(self, sample_id: str, tasks: Sequence[str]) -> Sequence[Problem]:
        """The image, and its row in the list."""
        problems = []
        try:
            self.image_path(sample_id)
        except FileError as error:
            problems.append(error.problem)
        if tasks and not self.has_label(sample_id, tasks[0]):
            problems.append(Problem(str(self._listed.path), f"there is no row '{sample_id}'"))
        return problems

    def _require_layout(self) -> None:
        from fedmtl.data.layouts import misfit  # which knows every kind of source

        if not self.fits(self.root):
            way_out = "put it beside the folder of images"
            raise DataError(
                f"{self.path}: {misfit(self.root, 'CelebA', f'it has no file {LISTS[0]}', way_out)}"
            )

    @cached_property
    def _listed(self) -> AttributeList:
        self._require_layout()
        return read_attributes(_first(self.root, LISTS))

    @cached_property
    def _attributes(self) -> Mapping[str, Sequence[str]]:
        """Task → its attributes."""
        known = self._listed.attributes
        for task, wanted in self.attributes.items():
            for attribute in wanted:
                if attribute not in known:
                    what = f"{self._listed.path} has no attribute '{attribute}'"
                    raise ConfigError(f"attributes.{task}: {what}; {did_you_mean(attribute, known)}")
        return self.attributes or {"attributes": known}

    @cached_property
    def _kinds(self) -> Mapping[str, Task]:
        return {name: build_task(_spec(name, wanted)) for name, wanted in self._attributes.items()}


def _spec(task: str, attributes: Sequence[str]) -> TaskSpec:
    """A task by its attributes; that of a single one names it, so that two clients who mean others are told."""
    if len(attributes) == 1:
        return TaskSpec(task, "classification", (f"not {attributes[0]}", attributes[0]))
    return TaskSpec(task, "multilabel", tuple(attributes))


def _first(root: Path, names: Sequence[str]) -> Path:
    """The first that is there, or else the first."""
    return next((root / name for name in names if (root / name).exists()), root / names[0])
