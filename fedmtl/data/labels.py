"""What can be asked of a label, whatever its kind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fedmtl.data.base import Source
from fedmtl.errors import ConfigError, did_you_mean
from fedmtl.tasks import build_task
from fedmtl.tasks.base import Label, Task

UNLABELLED = -1


def is_labelled(task: Task, label: Label, size: tuple[int, int]) -> bool:
    """Whether anything in a label of (height, width) is labelled."""
    return not np.array_equal(label, task.unlabelled(size), equal_nan=True)


def dominant_classes(source: Source, ids: Sequence[str], task: str) -> NDArray[np.int64]:
    """For each image, the most frequent labelled class of `task`, or `UNLABELLED`.

    Raises:
        ConfigError: the source has no such task, or its labels are not class indices.
    """
    if task not in source.tasks:
        raise ConfigError(
            f"data.partition.task: the source has no task '{task}'; {did_you_mean(task, source.tasks)}"
        )
    kind = build_task(source.tasks[task])
    nothing = kind.unlabelled((1, 1))
    if not kind.spec.classes or nothing.dtype.kind not in "iu":
        raise ConfigError(
            f"data.partition.task: the dirichlet partition needs a task with one class a pixel or image, "
            f"which '{task}' ({kind.spec.kind}) is not"
        )
    dominant = np.full(len(ids), UNLABELLED, dtype=np.int64)
    for row, sample_id in enumerate(ids):
        label = source.load(sample_id, [task]).labels.get(task)
        if label is not None and (classes := label[label != nothing.ravel()[0]]).size:
            dominant[row] = np.bincount(classes.ravel()).argmax()
    return dominant
