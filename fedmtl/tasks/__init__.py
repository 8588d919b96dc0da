"""Task kinds: what can be predicted, and how each is learned, measured and drawn."""

from __future__ import annotations

from fedmtl.registry import Registry
from fedmtl.tasks.base import Label, Statistics, Task
from fedmtl.tasks.delta import delta_mtl
from fedmtl.tasks.spec import TaskSpec

TASKS: Registry[Task] = Registry(
    what="task kind",
    base=Task,  # type: ignore[type-abstract]
    group="fedmtl.tasks",
    builtin={
        "autoencoding": "fedmtl.tasks.autoencoding:Autoencoding",
        "boundary": "fedmtl.tasks.boundary:Boundary",
        "classification": "fedmtl.tasks.classification:Classification",
        "dense_regression": "fedmtl.tasks.dense_regression:DenseRegression",
        "depth": "fedmtl.tasks.depth:Depth",
        "edge": "fedmtl.tasks.edge:Edge",
        "human_parts": "fedmtl.tasks.human_parts:HumanParts",
        "multilabel": "fedmtl.tasks.multilabel:MultiLabel",
        "normals": "fedmtl.tasks.normals:Normals",
        "regions": "fedmtl.tasks.regions:Regions",
        "regression": "fedmtl.tasks.regression:Regression",
        "room_layout": "fedmtl.tasks.room_layout:RoomLayout",
        "saliency": "fedmtl.tasks.saliency:Saliency",
        "semseg": "fedmtl.tasks.semseg:SemSeg",
        "soft_classification": "fedmtl.tasks.soft_classification:SoftClassification",
        "vanishing_points": "fedmtl.tasks.vanishing_points:VanishingPoints",
    },
)


def build_task(spec: TaskSpec) -> Task:
    """The task that a spec describes.

    Raises:
        ConfigError: no kind is called `spec.kind`.
        DataError: the kind cannot have the spec's classes.
    """
    return TASKS[spec.kind](spec)


__all__ = ["TASKS", "Label", "Statistics", "Task", "TaskSpec", "build_task", "delta_mtl"]
