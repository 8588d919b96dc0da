"""What a data source says of a task: all that has to agree between two clients that share it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TaskSpec:
    """A named thing to predict.

    Args:
        name: the task, for example `parts`.
        kind: how it is learned and measured, for example `human_parts`.
        classes: class names in index order; for image-level regression the names of the values; empty where
            the kind has none.
    """

    name: str
    kind: str
    classes: tuple[str, ...] = ()
