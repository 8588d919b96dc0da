"""One small task of every kind, random labels for it, and the output of a network that predicts them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fedmtl.tasks import Label, Task, TaskSpec, build_task, room_layout, vanishing_points
from fedmtl.tasks.euler import rotation

SIZE = (6, 8)
CLASSES = ("a", "b", "c")
WITH_CLASSES = (
    "classification",
    "dense_regression",
    "human_parts",
    "multilabel",
    "regression",
    "semseg",
    "soft_classification",
)
NINE = {"room_layout": room_layout.VALUES, "vanishing_points": vanishing_points.VALUES}
WITHOUT_CLASSES = ("autoencoding", "boundary", "depth", "edge", "normals", "regions", "saliency")
KINDS = (*WITH_CLASSES, *WITHOUT_CLASSES, *NINE)
DENSE = (*WITHOUT_CLASSES, "dense_regression", "human_parts", "semseg")


def classes_of(kind: str) -> tuple[str, ...]:
    return NINE.get(kind, CLASSES if kind in WITH_CLASSES else ())


def make(kind: str) -> Task:
    return build_task(TaskSpec(f"my {kind}", kind, classes_of(kind)))


def random_label(task: Task, rng: np.random.Generator) -> Label:
    """A label, a fifth of it unlabelled where the kind is dense."""
    label = _values(task, rng)
    if not task.dense:
        return label
    hidden = rng.random(SIZE) < 0.2
    label[hidden] = task.unlabelled(SIZE)[hidden]
    return label


def _values(task: Task, rng: np.random.Generator) -> NDArray:
    match task.spec.kind:
        case "semseg" | "human_parts":
            return rng.integers(0, 3, SIZE, dtype=np.uint8)
        case "dense_regression":
            return rng.integers(0, 255, (*SIZE, 3)).astype(np.float32) / np.float32(254)
        case "autoencoding":
            return rng.integers(0, 256, (*SIZE, 3)).astype(np.float32) / np.float32(255)
        case "regions":
            return rng.integers(0, 4, SIZE).astype(np.int32)
        case "depth":
            return rng.integers(500, 9000, SIZE).astype(np.float32) / np.float32(1000)
        case "normals":
            vectors = rng.standard_normal((*SIZE, 3)).astype(np.float32)
            return vectors / np.linalg.norm(vectors, axis=2, keepdims=True)
        case "boundary" | "edge" | "saliency":
            return rng.integers(0, 256, SIZE).astype(np.int16)
        case "classification":
            return rng.integers(0, 3, 1)
        case "soft_classification":
            return rng.dirichlet([1, 1, 1]).astype(np.float32)
        case "vanishing_points":
            return rotation(rng.uniform(-0.7, 0.7, 3)).ravel().astype(np.float32)
        case "room_layout":
            spread = rng.uniform(-1, 1, 9) * room_layout.DEVIATION
            return (room_layout.MEAN + spread).astype(np.float32)
        case "multilabel":
            return rng.choice(np.array([0, 1, np.nan], np.float32), 3)
        case _:
            return rng.standard_normal(3).astype(np.float32)


def batch(task: Task, count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Random outputs and targets of `count` images."""
    rng = np.random.default_rng(seed)
    target = torch.stack([task.target(random_label(task, rng)) for _ in range(count)])
    shape = (count, task.channels, *SIZE) if task.dense else (count, task.channels)
    return torch.from_numpy(rng.standard_normal(shape).astype(np.float32)), target


def perfect_output(task: Task, target: Tensor) -> Tensor:
    """The output whose prediction is `target`, wherever that is labelled."""
    match task.spec.kind:
        case "semseg" | "human_parts":
            classes = torch.arange(task.channels).reshape(1, -1, 1, 1)
            return 40.0 * (target[:, None] == classes)
        case "classification":
            return 40.0 * (target[:, None] == torch.arange(task.channels))
        case "boundary" | "edge" | "saliency" | "multilabel":
            return 40.0 * (target == 1) - 20
        case "regions":
            one_hot = torch.nn.functional.one_hot((target + 1).long(), task.channels)
            return 9.0 * one_hot.permute(0, 3, 1, 2)
        case "soft_classification":
            return target.log()
        case "room_layout":
            return (target - target.new_tensor(room_layout.MEAN)) / target.new_tensor(room_layout.DEVIATION)
        case "depth":
            return torch.expm1(target.clamp(min=0.1) / 4).log()
        case _:
            return target.nan_to_num()
