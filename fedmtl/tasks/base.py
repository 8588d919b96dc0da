"""The contract of a task kind: one subclass, in one file, is all that a new kind needs.

A label passes through three forms. *Raw*: what a file holds. *Label*: a NumPy array in the kind's canonical
encoding, which geometry (resize, flip, rotate, zoom) acts on. *Target*: the torch tensor of a batch. Every kind has a
value that means "unlabelled", in the second and third form.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from fedmtl.errors import ConfigError, DataError
from fedmtl.tasks.geometry import nearest, turn
from fedmtl.tasks.spec import TaskSpec

Label = NDArray[Any]
Statistics = dict[str, Tensor]
"""Additive float64 tensors of fixed shape: sums over images, so that clients' statistics can be added."""


class Task(ABC):
    """How one kind of task is decoded, learned, measured and drawn.

    Attributes:
        dense: a map per image (B, channels, H, W), or one vector per image (B, channels).
        channels: output channels of the head.
        weight: the field's usual loss weight.
        metric: the name of the primary metric, one of `metrics`' keys.
        higher_is_better: whether a larger primary metric is better.
        class_counts: how many classes a spec of this kind may have; by default none.
        of_image: whether the label is made of the image, so that no file holds it: `decode` takes the image.
        zoomable: whether a label can follow a zoom into any part of the image.

    Raises:
        DataError: the spec's classes are too few, too many or not distinct.
    """

    dense: ClassVar[bool] = True
    weight: ClassVar[float] = 1.0
    metric: ClassVar[str]
    higher_is_better: ClassVar[bool]
    class_counts: ClassVar[range] = range(1)
    of_image: ClassVar[bool] = False
    zoomable: ClassVar[bool] = True

    def __init__(self, spec: TaskSpec) -> None:
        if len(spec.classes) not in self.class_counts:
            raise DataError(
                f"task '{spec.name}' has {len(spec.classes)} classes, but kind '{spec.kind}' takes "
                f"{_count(self.class_counts)}; correct its classes"
            )
        if len(set(spec.classes)) < len(spec.classes):
            raise DataError(f"task '{spec.name}' names a class twice; give every class its own name")
        self.spec = spec
        self.name = spec.name

    @property
    @abstractmethod
    def channels(self) -> int:
        """Output channels of the head."""

    # -- labels ---------------------------------------------------------------------------------------------

    @abstractmethod
    def decode(self, raw: NDArray[Any]) -> Label:
        """A raw label in the canonical encoding.

        Args:
            raw: dense kinds: the PNG's array, (H, W) or (H, W, C), uint8 or uint16. Image-level kinds: the
                columns of labels.csv, (columns,) float64, NaN where empty.

        Raises:
            DataError: the array cannot be such a label (shape, dtype, a class index out of range).
        """

    @abstractmethod
    def encode(self, label: Label) -> NDArray[Any]:
        """What a PNG, or a row of labels.csv, holds for a label or a prediction: the inverse of `decode`.

        Raises:
            DataError: the file format cannot hold the label.
        """

    @abstractmethod
    def unlabelled(self, size: tuple[int, int]) -> Label:
        """The label of an image of (height, width) that has none."""

    def resize(self, label: Label, size: tuple[int, int]) -> Label:
        """The label at another (height, width), by nearest neighbour; that of an image as it is."""
        return nearest(label, size) if self.dense else label

    def flip(self, label: Label) -> Label:
        """The label of the image mirrored left to right."""
        return label[:, ::-1] if self.dense else label

    def rotate(self, label: Label, degrees: float) -> Label:
        """The label of the image turned counterclockwise about its middle; unlabelled where it had nothing."""
        return turn(label, degrees, self.unlabelled(label.shape[:2])) if self.dense else label

    def zoom(self, label: Label, factor: float) -> Label:
        """What a zoom by `factor` (> 1 brings things nearer) does to values, after the geometry is done."""
        return label

    def seen(self, label: Label, image: NDArray[np.float32]) -> Label:
        """The label once its image, (C, H, W), has the colours that the network sees; the last change there is."""
        return label

    def opposite(self, label: Label) -> Label:
        """A label that says the contrary wherever this one says anything, for attacks that poison data; same dtype.

        Raises:
            ConfigError: labels of this kind have no contrary.
        """
        raise ConfigError(f"task '{self.name}' is of kind '{self.spec.kind}', whose labels have no contrary")

    @abstractmethod
    def target(self, label: Label) -> Tensor:
        """The tensor that `loss` and `statistics` take, without the batch dimension."""

    # -- learning and measuring -----------------------------------------------------------------------------

    @abstractmethod
    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Mean loss over the labelled elements of a batch; 0, with a gradient of 0, where there is none."""

    @abstractmethod
    def statistics(self, output: Tensor, target: Tensor) -> Statistics:
        """Additive statistics of a batch, on the CPU, float64; shapes depend on the spec alone."""

    @abstractmethod
    def metrics(self, statistics: Mapping[str, Tensor]) -> dict[str, float]:
        """Metrics of the pooled statistics; NaN where nothing was labelled."""

    def thorough(self) -> Task:
        """The task with all metrics that the field reports, also those that take too long for every round."""
        return self

    # -- looking --------------------------------------------------------------------------------------------

    @abstractmethod
    def predict(self, output: Tensor) -> Label:
        """One image's output (no batch dimension) in the label's encoding, e.g. class indices or metres."""

    @abstractmethod
    def picture(self, label: Label, reference: Label | None = None) -> NDArray[np.uint8]:
        """An RGB picture (H, W, 3) of a label or a prediction; image-level kinds draw a small bar chart.

        Args:
            label: a label, or what `predict` returns.
            reference: the label whose range of values sets the scale, so that a prediction's picture can be
                compared with it; by default `label` itself. Kinds with a fixed scale ignore it.
        """

    def words(self, label: Label) -> str:
        """What a label or a prediction says, to stand below its picture; empty for maps, which need no words."""
        return ""

    def summary(self, output: Tensor) -> dict[str, Any]:
        """What is predicted for an image, by the names of classes or values, as JSON holds it; of a map nothing.

        Args:
            output: one image's, as for `predict`.
        """
        if self.dense:
            return {}
        values, names = self.predict(output).tolist(), self.spec.classes
        return {"values": dict(zip(names, values, strict=True)) if len(names) == len(values) else values}

    def _require(self, fits: bool, what: str, raw: NDArray[Any]) -> None:
        """Refuse a raw label that is not `what`."""
        if not fits:
            raise DataError(
                f"task '{self.name}': a {self.spec.kind} label is {what}, not {raw.dtype} {raw.shape}"
            )


def _count(counts: range) -> str:
    if counts.stop == 1:
        return "none"
    if len(counts) == 1:
        return str(counts.start)
    return f"at least {counts.start}" if counts.stop > 2**16 else f"{counts.start} to {counts.stop - 1}"
