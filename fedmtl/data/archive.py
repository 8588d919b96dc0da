"""What published data sets have in common: tasks that are known beforehand, and an archive unpacked into a folder."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from omegaconf import MISSING

from fedmtl.data.base import Problem
from fedmtl.data.files import FileError, MissingFileError, find_file
from fedmtl.data.gaps import Listing, count_gaps
from fedmtl.data.labels import is_labelled
from fedmtl.data.on_disk import OnDisk
from fedmtl.data.splits import Split, read_split
from fedmtl.errors import ConfigError, DataError, did_you_mean
from fedmtl.tasks import build_task
from fedmtl.tasks.base import Label, Task
from fedmtl.tasks.spec import TaskSpec


@dataclass
class Archive(OnDisk):
    """A published data set, read as its archive lies on disk.

    A subclass says which tasks there are (`specs`), by which folders the layout is known (`marks`), which files a label
    is made of, and how. Where the data set is `piecewise`, an image may lack a label; otherwise that is a problem. What
    the folders of a piecewise one have (`listings`) tells labels that were lost from tasks that were never downloaded.
    """

    path: str = MISSING
    names: dict[str, str] = field(default_factory=dict)
    """Task of the data set → the name by which the federation knows it, where two data sets have a task of one name and
    other classes; by default its own."""

    title: ClassVar[str]
    specs: ClassVar[Mapping[str, TaskSpec]]
    marks: ClassVar[tuple[str, ...]]
    image_suffixes: ClassVar[tuple[str, ...]]
    most_decoded: ClassVar[int | None] = 200
    never_empty: ClassVar[frozenset[str]] = frozenset()
    """Tasks of which every label says something somewhere; one that does not is damaged."""

    def __post_init__(self) -> None:
        for own, name in self.names.items():
            if own not in self.specs:
                hint = did_you_mean(own, self.specs)
                raise ConfigError(f"names.{own}: {self.title} has no such task; {hint}")
            if name != own and name in {self.names.get(other, other) for other in self.specs if other != own}:
                raise ConfigError(f"names.{own}: '{name}' is another task's name as well; choose another one")

    # -- what a data set says of itself -------------------------------------------------------------------------

    @abstractmethod
    def image_stem(self, sample_id: str) -> Path:
        """The file of an image, but for its suffix."""

    @abstractmethod
    def folders(self, own: str) -> Sequence[Path]:
        """The folders that labels of a task lie in; all are needed."""

    @abstractmethod
    def label_files(self, sample_id: str, own: str) -> Sequence[Path]:
        """The files that a label is made of; the first is named where the label is wrong.

        Raises:
            DataError: it cannot be told which, because none is there, or too many.
        """

    @abstractmethod
    def read(self, sample_id: str, own: str, size: tuple[int, int] | None) -> Label:
        """One label, from files that are there, in its kind's canonical encoding.

        Args:
            sample_id: the image.
            own: the task, by its own name.
            size: the image's (height, width); None where that is not known.

        Raises:
            DataError: a file is damaged, or is not such a label.
        """

    def listings(self, split: str, tasks: Sequence[str]) -> Iterator[Listing]:
        """Where the data set is piecewise: what its folders have of a split and of `tasks`, by their own names."""
        return iter(())

    # -- what follows from that ---------------------------------------------------------------------------------

    @classmethod
    def fits(cls, root: Path) -> bool:
        """Whether the folders are there by which the layout is known."""
        return all((root / mark).is_dir() for mark in cls.marks)

    def require_layout(self) -> None:
        """Raise DataError where another layout, or none, is found at `path`."""
        from fedmtl.data.layouts import misfit  # which knows every kind of source

        if not self.fits(self.root):
            lacking = [f"it has no folder {mark}" for mark in self.marks if not (self.root / mark).is_dir()]
            lack = lacking[0] if lacking else f"its folder {self.marks[0]} has no images of that name"
            way_out = f"unpack the whole archive of {self.title}"
            raise DataError(f"{self.path}: {misfit(self.root, self.title, lack, way_out)}")

    @cached_property
    def splits(self) -> Mapping[str, Split]:
        """Those of `train` and `val` that have a list."""
        self.require_layout()
        names = ("train", "val")
        return {name: read_split(self.split_path(name)) for name in names if self.split_path(name).exists()}

    @property
    def channels(self) -> int:
        """Red, green, blue."""
        return 3

    @property
    def known_tasks(self) -> Mapping[str, TaskSpec]:
        """All tasks of the data set."""
        return {name: self.kind(name).spec for name in self._own}

    @cached_property
    def tasks(self) -> Mapping[str, TaskSpec]:
        """The tasks whose folders are there.

        Raises:
            DataError: the folder has another layout.
        """
        self.require_layout()
        return {name: spec for name, spec in self.known_tasks.items() if self.absent(name) is None}

    def kind(self, task: str) -> Task:
        """A task of the data set, whether or not the folder has it; raises DataError where there is no such task."""
        if task not in self._kinds:
            raise DataError(f"{self.title} has no task '{task}'; {did_you_mean(task, self._kinds)}")
        return self._kinds[task]

    def absent(self, task: str) -> Problem | None:
        """The first folder of the task that is not there."""
        self.kind(task)
        for folder in self.folders(self._own[task]):
            if not folder.is_dir():
                how = not_there(folder) or "is no folder"
                way_out = f"unpack {f'that part of {self.title} for it' if self.piecewise else f'{self.title} again'}"
                return Problem(str(folder), f"{how}, so there is no task '{task}'; {way_out}")
        return None

    def image_path(self, sample_id: str) -> Path:
        """The file of an image; raises DataError where there is none, or more than one."""
        try:
            return find_file(self.image_stem(sample_id), self.image_suffixes, "image")
        except MissingFileError as error:
            raise self._incomplete(error) from error

    def has_label(self, sample_id: str, task: str) -> bool:
        """Whether the label's files are there."""
        self.kind(task)
        return self._missing(sample_id, self._own[task]) is None

    def files(self, sample_id: str, tasks: Sequence[str]) -> Sequence[Path]:
        """The image, and those of the labels that are there."""
        found = [self.image_path(sample_id)]
        for task in tasks:
            with suppress(FileError):
                found += self.label_files(sample_id, self._own[task])
        return found

    def lacks(self, sample_id: str, tasks: Sequence[str]) -> Sequence[Problem]:
        """The image and, where the data set is whole, labels that are not there."""
        problems = []
        try:
            self.image_path(sample_id)
        except FileError as error:
            problems.append(error.problem)
        if not self.piecewise:
            missing = [self._missing(sample_id, self._own[task]) for task in tasks]
            problems += [error.problem for error in missing if error]
        return problems

    def gaps(self, split: str, tasks: Sequence[str]) -> Sequence[Problem]:
        """What images of a piecewise data set lack; see `OnDisk.gaps`."""
        names = {self._own[task]: task for task in tasks}
        gaps = count_gaps(self.listings(split, list(names)))
        problems = []
        for own, gap in gaps.unlabelled.items():
            if gap.count:
                paths = self.label_files(gap.first, own)
                path = next((path for path in paths if not path.is_file()), paths[0])
                of_all = f"{gap.count} of {gaps.images} images of split '{split}' {_have(gap.count)}"
                problems.append(self._gap(path, f"{of_all} no label of task '{names[own]}'", gap.count))
        if missing := gaps.imageless.count:
            path = Path(f"{self.image_stem(gaps.imageless.first)}{self.image_suffixes[0]}")
            of_all = f"{missing} image{'s' * (missing > 1)} of split '{split}' {_have(missing)}"
            problems.append(self._gap(path, f"{of_all} nothing but labels", missing))
        return problems

    def image(self, sample_id: str) -> NDArray[Any]:
        """An image (H, W, 3) uint8; grey ones have three equal channels."""
        image = super().image(sample_id)
        return np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image

    def label(self, sample_id: str, task: str, size: tuple[int, int] | None) -> Label | None:
        """One label; see `OnDisk.label`."""
        self.kind(task)
        own = self._own[task]
        if missing := self._missing(sample_id, own):
            if self.piecewise:
                return None
            raise missing
        path = self.label_files(sample_id, own)[0]
        try:
            label = self.read(sample_id, own, size)
        except FileError:
            raise
        except DataError as error:
            raise FileError(path, str(error)) from error
        if size is not None and self.kind(task).dense and label.shape[:2] != size:
            raise FileError(path, f"is {label.shape[1]}x{label.shape[0]}, its image {size[1]}x{size[0]}")
        if own in self.never_empty and not is_labelled(self.kind(task), label, label.shape[:2]):
            raise FileError(path, f"says nothing in any pixel, so it is damaged; unpack {self.title} again")
        return label

    def _missing(self, sample_id: str, own: str) -> FileError | None:
        try:
            for path in self.label_files(sample_id, own):
                if not path.is_file():
                    return self._incomplete(MissingFileError(path, not_there(path)))
        except MissingFileError as error:
            return self._incomplete(error)
        except FileError:
            return None  # there are too many: `label` says so
        return None

    def _gap(self, first: Path, what: str, count: int) -> Problem:
        of_which = ", this one first" if count > 1 else ""
        way_out = f"; unpack {self.title} again" if self.complete else ""
        return Problem(str(first), f"{not_there(first)}: {what}{of_which}{way_out}")

    def _incomplete(self, error: MissingFileError) -> MissingFileError:
        """The error, with the way out."""
        return MissingFileError(Path(error.problem.path), f"{error.problem.what}; unpack {self.title} again")

    @cached_property
    def _own(self) -> Mapping[str, str]:
        """Name in the federation → own name."""
        return {self.names.get(own, own): own for own in self.specs}

    @cached_property
    def _kinds(self) -> Mapping[str, Task]:
        return {name: build_task(replace(self.specs[own], name=name)) for name, own in self._own.items()}


def _have(count: int) -> str:
    return "has" if count == 1 else "have"


def not_there(path: Path) -> str:
    """How it is that there is nothing at `path`, as a clause; empty where there is something."""
    if path.exists():
        return ""
    if path.is_symlink():
        return f"is a link to {os.readlink(path)}, where nothing is"
    return f"there is no such {'file' if path.suffix else 'folder'}"
