"""What becomes of one image of a source and of its labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from fedmtl.data.base import Problem
from fedmtl.data.files import FileError, MissingFileError
from fedmtl.data.labels import is_labelled

if TYPE_CHECKING:
    from fedmtl.data.on_disk import OnDisk


class State(Enum):
    """What became of a label; `damaged` also where its image cannot be read."""

    labelled = "labelled"
    unlabelled = "unlabelled"
    missing = "missing"
    damaged = "damaged"


@dataclass(frozen=True)
class Finding:
    """What was found in one sample.

    Attributes:
        states: task → what became of its label.
        problems: what is wrong with the image and its labels.
        channels: the image's; None where it cannot be read.
        size: the image's (height, width); None where it cannot be read.
    """

    states: Mapping[str, State]
    problems: list[Problem]
    channels: int | None
    size: tuple[int, int] | None


def inspect_sample(source: OnDisk, sample_id: str, tasks: Sequence[str]) -> Finding:
    """Decode an image and its labels of `tasks`."""
    problems = []
    size: tuple[int, int] | None = None
    channels = None
    try:
        height, width, channels = source.image(sample_id).shape
        size = (height, width)
    except FileError as error:
        problems.append(error.problem)
    states = dict.fromkeys(tasks, State.damaged)
    for task in tasks:
        try:
            label = source.label(sample_id, task, size)
        except MissingFileError as error:
            states[task] = State.missing
            problems.append(error.problem)
        except FileError as error:
            problems.append(error.problem)
        else:
            if label is None:
                states[task] = State.missing
            elif size is not None:
                labelled = is_labelled(source.kind(task), label, size)
                states[task] = State.labelled if labelled else State.unlabelled
    return Finding(states, problems, channels, size)
