"""What sources of files below one folder have in common, so that they can be looked through file by file."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from numpy.typing import NDArray

from fedmtl.data.base import Problem, Sample, Source
from fedmtl.data.check import inspect
from fedmtl.data.files import read_image
from fedmtl.data.splits import Split
from fedmtl.tasks.base import Label, Task
from fedmtl.tasks.spec import TaskSpec


class OnDisk(Source):
    """A source whose images, labels and lists are files below `path`; nothing is read before it is asked for.

    Attributes:
        path: the folder.
        piecewise: its tasks are downloaded one by one, so that nobody has to have them all.
        complete: as it was published, a task that is there has a label for every image, so that one without was lost.
        most_decoded: `check`, which a run begins with, decodes at most so many images, spread over all of them, and
            of the others looks whether their files are there; None: all of them. `fedmtl data check` decodes all.
    """

    path: str
    piecewise: ClassVar[bool] = False
    complete: ClassVar[bool] = True
    most_decoded: ClassVar[int | None] = None

    @property
    def root(self) -> Path:
        """`path` with the home directory filled in."""
        return Path(self.path).expanduser()

    @classmethod
    @abstractmethod
    def fits(cls, root: Path) -> bool:
        """Whether a folder is laid out like this kind of source."""

    @property
    @abstractmethod
    def layout(self) -> str:
        """What lies in the folder, in words.

        Raises:
            DataError: something else does.
        """

    @property
    @abstractmethod
    def splits(self) -> Mapping[str, Split]:
        """The splits that there are, sound or not."""

    @abstractmethod
    def split_path(self, name: str) -> Path:
        """The file or folder that says which images a split has."""

    @abstractmethod
    def kind(self, task: str) -> Task:
        """A task by its name.

        Raises:
            DataError: the source has no such task.
        """

    @abstractmethod
    def image_path(self, sample_id: str) -> Path:
        """The file of an image; raises DataError where there is none, or more than one."""

    @abstractmethod
    def label(self, sample_id: str, task: str, size: tuple[int, int] | None) -> Label | None:
        """One label; None where the image has none.

        Args:
            sample_id: the image.
            task: the label's task.
            size: the (height, width) that a map must have; None where that is not known.

        Raises:
            DataError: the label is missing though it must not be, is unreadable or of another size, or is not such
                a label; names the file.
        """

    @property
    def known_tasks(self) -> Mapping[str, TaskSpec]:
        """The tasks that the folder has or could have."""
        return self.tasks

    def absent(self, task: str) -> Problem | None:
        """Why the folder has no label of `task` at all, where that can be told without looking at images."""
        return None

    def remarks(self) -> Sequence[Problem]:
        """What is missing though the rest can be used without it."""
        return ()

    def strays(self, tasks: Sequence[str]) -> Sequence[Problem]:
        """What belongs to no image of any split."""
        return ()

    def lacks(self, sample_id: str, tasks: Sequence[str]) -> Sequence[Problem]:
        """The files of an image and of its labels that are not there, told without reading any."""
        return ()

    def gaps(self, split: str, tasks: Sequence[str]) -> Sequence[Problem]:
        """Where images may lack labels as far as `lacks` knows: how many of a split do, told by listings of folders.

        One for each task, and one for images that are not there though their labels are.
        """
        return ()

    def image(self, sample_id: str) -> NDArray[Any]:
        """An image (H, W, C); raises DataError where it cannot be read."""
        return read_image(self.image_path(sample_id))

    def ids(self, split: str) -> Sequence[str]:
        """The ids of a split.

        Raises:
            DataError: its list is broken; names the first line that is.
        """
        if split not in self.splits:
            return ()
        if problems := self.splits[split].problems:
            raise problems[0]
        return self.splits[split].ids

    def load(self, sample_id: str, tasks: Sequence[str]) -> Sample:
        """Read an image and its labels; see `Source.load`."""
        image = self.image(sample_id)
        labels = {task: self.label(sample_id, task, (image.shape[0], image.shape[1])) for task in tasks}
        return Sample(sample_id, image, {task: label for task, label in labels.items() if label is not None})

    def check(
        self, tasks: Sequence[str] | None = None, splits: Sequence[str] = ("train", "val")
    ) -> list[Problem]:
        """Look at every file, and decode those of `most_decoded` images; see `fedmtl.data.check.inspect`."""
        return inspect(self, tasks, splits, most=self.most_decoded, remark=False).problems
