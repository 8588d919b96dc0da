"""A data set in a folder: images, label maps, and a table of image-level labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from omegaconf import MISSING

from fedmtl.data.base import Problem
from fedmtl.data.files import FileError, MissingFileError, find_image, read_image, read_label
from fedmtl.data.manifest import IGNORE_INDEX, Entry, Manifest, read_manifest
from fedmtl.data.on_disk import OnDisk
from fedmtl.data.splits import SPLITS, Split, read_split
from fedmtl.data.table import Table, read_table
from fedmtl.errors import DataError, did_you_mean
from fedmtl.tasks.base import Label, Task
from fedmtl.tasks.spec import TaskSpec


@dataclass
class Folder(OnDisk):
    """A folder of files; nothing is read before it is asked for.

    ```
    dataset.yaml          see `fedmtl.data.manifest.read_manifest`
    train.txt val.txt     one sample id a line; test.txt is optional
    images/<id>.*         jpg, png, npy or tif; see `fedmtl.data.files.read_image`
    <task>/<id>.png       dense labels, as the task's kind decodes them; none of autoencoding
    labels.csv            image-level labels; see `fedmtl.data.table.Table`
    ```

    An id may have folders in it (`ward-3/0001`); the first is the image's site.

    Args:
        path: the folder.
    """

    path: str = MISSING

    @classmethod
    def fits(cls, root: Path) -> bool:
        """Whether there is a dataset.yaml."""
        return (root / "dataset.yaml").is_file()

    @property
    def layout(self) -> str:
        """The folder format of fedmtl."""
        return f"'{self.manifest.name}', a folder with a dataset.yaml"

    @cached_property
    def manifest(self) -> Manifest:
        """dataset.yaml.

        Raises:
            DataError: it is missing or wrong.
        """
        return read_manifest(self.root / "dataset.yaml")

    @cached_property
    def table(self) -> Table:
        """labels.csv.

        Raises:
            DataError: it is missing or wrong.
        """
        return read_table(self.root / "labels.csv")

    @cached_property
    def splits(self) -> Mapping[str, Split]:
        """The splits that have a file, sound or not."""
        return {name: read_split(self.split_path(name)) for name in SPLITS if self.split_path(name).exists()}

    @property
    def tasks(self) -> Mapping[str, TaskSpec]:
        """The tasks of dataset.yaml."""
        return {name: entry.task.spec for name, entry in self.manifest.tasks.items()}

    @cached_property
    def channels(self) -> int:
        """Those of the first image; `check` finds images that differ."""
        first = next((sample_id for split in SPLITS for sample_id in self.ids(split)), None)
        if first is None:
            raise DataError(f"{self.path}: no split names an image")
        return int(read_image(self.image_path(first)).shape[2])

    def site(self, sample_id: str) -> str:
        """The id's first folder, if it has one."""
        return sample_id.partition("/")[0] if "/" in sample_id else ""

    def has_label(self, sample_id: str, task: str) -> bool:
        """Whether there is a label file, or a row in the table."""
        if self.kind(task).dense:
            return self._map_path(sample_id, task).is_file()
        return sample_id in self.table.rows

    def files(self, sample_id: str, tasks: Sequence[str]) -> Sequence[Path]:
        """The image, the dataset.yaml by which labels are decoded, and these."""
        maps = [self._map_path(sample_id, task) for task in tasks if self.kind(task).dense]
        table = [self.root / "labels.csv"] if len(maps) < len(tasks) else []
        return [self.image_path(sample_id), self.root / "dataset.yaml", *maps, *table]

    def absent(self, task: str) -> Problem | None:
        """What is wrong with labels.csv as a whole, where the task's labels are in it."""
        if self.kind(task).dense:
            return None
        try:
            self.table.columns_of(self.kind(task).spec)
        except FileError as error:
            return error.problem
        return None

    def strays(self, tasks: Sequence[str]) -> Sequence[Problem]:
        """Rows of labels.csv that are of no image."""
        if all(self.kind(task).dense for task in tasks):
            return ()
        known = {sample_id for split in self.splits.values() for sample_id in split.ids}
        strays = [row for row in self.table.rows if row not in known]
        return [Problem(str(self.table.path), f"row '{row}' is in no split") for row in strays]

    def kind(self, task: str) -> Task:
        """A task of dataset.yaml; raises DataError where it does not name the task."""
        return self.entry(task).task

    def entry(self, task: str) -> Entry:
        """What dataset.yaml says of a task.

        Raises:
            DataError: it does not name the task.
        """
        try:
            return self.manifest.tasks[task]
        except KeyError:
            hint = did_you_mean(task, self.manifest.tasks)
            raise DataError(f"{self.path} has no task '{task}'; {hint}") from None

    def split_path(self, name: str) -> Path:
        """The file of a split."""
        return self.root / f"{name}.txt"

    def image_path(self, sample_id: str) -> Path:
        """The file of an image; raises DataError where there is none, or more than one."""
        return find_image(self.root / "images" / sample_id)

    def label(self, sample_id: str, task: str, size: tuple[int, int] | None) -> Label | None:
        """One label; see `OnDisk.label`. It may be missing where the task is partial."""
        entry = self.entry(task)
        if entry.task.dense:
            return self._map(sample_id, entry, size)
        if sample_id not in self.table.rows and entry.partial:
            return None
        if sample_id not in self.table.rows:
            raise MissingFileError(self.table.path, f"there is no row '{sample_id}' for task '{task}'")
        cells = self.table.values(sample_id, entry.task.spec)
        if np.isnan(cells).all():
            return None
        try:
            return entry.task.decode(cells)
        except DataError as error:
            raise FileError(self.table.path, f"row '{sample_id}': {error}") from error

    def _map_path(self, sample_id: str, task: str) -> Path:
        """The file of a map: the image itself where the task's label is made of it."""
        if self.kind(task).of_image:
            return self.image_path(sample_id)
        return self.root / task / f"{sample_id}.png"

    def _map(self, sample_id: str, entry: Entry, size: tuple[int, int] | None) -> Label | None:
        path = self._map_path(sample_id, entry.task.name)
        if entry.partial and not path.exists():
            return None
        raw = read_image(path) if entry.task.of_image else read_label(path)
        if size is not None and raw.shape[:2] != size:
            raise FileError(path, f"is {raw.shape[1]}x{raw.shape[0]}, its image {size[1]}x{size[0]}")
        if entry.ignore_index != IGNORE_INDEX:
            raw = np.where(raw == entry.ignore_index, IGNORE_INDEX, raw)
        try:
            return entry.task.decode(raw)
        except DataError as error:
            raise FileError(path, str(error)) from error
