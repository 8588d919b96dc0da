"""The contract of a data source: ids in splits, and one sample for an id."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from fedmtl.tasks.base import Label
from fedmtl.tasks.spec import TaskSpec


@dataclass(frozen=True)
class Sample:
    """One image and the labels it has.

    Attributes:
        id: unique within its source.
        image: (H, W, C); uint8, or float32 for other kinds of sensor.
        labels: task → label in that task kind's canonical encoding; a task that the image lacks is absent.
    """

    id: str
    image: NDArray[Any]
    labels: Mapping[str, Label]


@dataclass(frozen=True)
class Problem:
    """Something wrong with a data set: the file, and one clause that says what."""

    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.path}: {self.what}"


class Source(ABC):
    """Images and labels from one place. A subclass is a dataclass whose fields are its options."""

    @property
    @abstractmethod
    def tasks(self) -> Mapping[str, TaskSpec]:
        """The tasks that this source can label."""

    @property
    @abstractmethod
    def channels(self) -> int:
        """Input channels of every image."""

    @abstractmethod
    def ids(self, split: str) -> Sequence[str]:
        """Sample ids of `train`, `val` or `test`, in a fixed order; empty where there is no such split."""

    @abstractmethod
    def site(self, sample_id: str) -> str:
        """The site an image comes from; empty where the source knows none."""

    def has_label(self, sample_id: str, task: str) -> bool:
        """Whether an image may have a label of `task`, told without decoding it; true unless overridden."""
        return True

    def files(self, sample_id: str, tasks: Sequence[str]) -> Sequence[Path]:
        """The files that a sample with the labels of `tasks` is made of, its image's first; none unless overridden.

        Those of no task are what the image is made of, and those of one task what its label is made of; neither
        depends on which other tasks are asked for.

        Raises:
            DataError: the image is not there.
        """
        return ()

    @abstractmethod
    def load(self, sample_id: str, tasks: Sequence[str]) -> Sample:
        """Read one sample with the labels of `tasks` that it has.

        Raises:
            DataError: a file is missing, unreadable, or is not what it should be; names the file.
        """

    @abstractmethod
    def check(
        self, tasks: Sequence[str] | None = None, splits: Sequence[str] = ("train", "val")
    ) -> list[Problem]:
        """Everything wrong with the labels of `tasks` (default: all), in `splits` and, if there, `test`."""
