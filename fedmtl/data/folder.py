"""A data set in a folder: images, label maps, and a table of image-level labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from omegaconf import MISSING

from fedmtl.data.base import Problem, Sample, Source
from fedmtl.data.check import inspect
from fedmtl.data.files import FileError, MissingFileError, find_image, read_image, read_label
from fedmtl.data.manifest import IGNORE_INDEX, Entry, Manifest, read_manifest
from fedmtl.data.splits import SPLITS, Split, read_split
from fedmtl.data.table import Table, read_table
from fedmtl.errors import DataError, did_you_mean
from fedmtl.tasks.base import Label
from fedmtl.tasks.spec import TaskSpec


@dataclass
class Folder(Source):
    """A folder of files; nothing is read before it is asked for.

    ```
    dataset.yaml          see `fedmtl.data.manifest.read_manifest`
    train.txt val.txt     one sample id a line; test.txt is optional
    images/<id>.*         jpg, png, npy or tif; see `fedmtl.data.files.read_image`
    <task>/<id>.png       dense labels, as the task's kind decodes them
    labels.csv            image-level labels; see `fedmtl.data.table.Table`
    ```

    An id may have folders in it (`ward-3/0001`); the first is the image's site.

    Args:
        path: the folder.
    """

    path: str = MISSING

    @property
    def root(self) -> Path:
        """`path` with the home directory filled in."""
        return Path(self.path).expanduser()

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

    def ids(self, split: str) -> Sequence[str]:
        """The lines of <split>.txt.

        Raises:
            DataError: a line is no sample id, or stands there twice; names it.
        """
        if split not in self.splits:
            return ()
        if problems := self.splits[split].problems:
            raise problems[0]
        return self.splits[split].ids

    def site(self, sample_id: str) -> str:
        """The id's first folder, if it has one."""
        return sample_id.partition("/")[0] if "/" in sample_id else ""

    def has_label(self, sample_id: str, task: str) -> bool:
        """Whether there is a label file, or a row in the table."""
        if self.entry(task).task.dense:
            return (self.root / task / f"{sample_id}.png").is_file()
        return sample_id in self.table.rows

    def load(self, sample_id: str, tasks: Sequence[str]) -> Sample:
        """Read an image and its labels; see `Source.load`."""
        image = read_image(self.image_path(sample_id))
        labels = {task: self.label(sample_id, task, (image.shape[0], image.shape[1])) for task in tasks}
        return Sample(sample_id, image, {task: label for task, label in labels.items() if label is not None})

    def check(
        self, tasks: Sequence[str] | None = None, splits: Sequence[str] = ("train", "val")
    ) -> list[Problem]:
        """Decode every file; see `fedmtl.data.check.inspect`."""
        return inspect(self, tasks, splits).problems

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
        """The file of an image.

        Raises:
            DataError: there is none, or more than one.
        """
        return find_image(self.root / "images" / sample_id)

    def label(self, sample_id: str, task: str, size: tuple[int, int] | None) -> Label | None:
        """One label; None where the image has none.

        Args:
            sample_id: the image.
            task: the label's task.
            size: the (height, width) that a map must have; None where that is not known.

        Raises:
            DataError: the label is missing though the task is not partial, is unreadable or of another size,
                or is not such a label; names the file.
        """
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

    def _map(self, sample_id: str, entry: Entry, size: tuple[int, int] | None) -> Label | None:
        path = self.root / entry.task.name / f"{sample_id}.png"
        if entry.partial and not path.exists():
            return None
        raw = read_label(path)
        if size is not None and raw.shape[:2] != size:
            raise FileError(path, f"is {raw.shape[1]}x{raw.shape[0]}, its image {size[1]}x{size[0]}")
        if entry.ignore_index != IGNORE_INDEX:
            raw = np.where(raw == entry.ignore_index, IGNORE_INDEX, raw)
        try:
            return entry.task.decode(raw)
        except DataError as error:
            raise FileError(path, str(error)) from error
