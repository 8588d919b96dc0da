"""Semantic segmentation: a class per pixel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from fedmtl.errors import DataError
from fedmtl.tasks.base import Label, Statistics, Task
from fedmtl.tasks.confusion import accuracy, confusion_matrix, mean_iou
from fedmtl.tasks.palette import class_colours

IGNORE = 255


class SemSeg(Task):
    """Class indices (H, W) uint8, 255 unlabelled; learned by cross-entropy.

    Metrics, in percent: `mIoU` over the pooled confusion matrix (a class that occurs in neither truth nor
    prediction is left out) and `pixel_accuracy`.
    """

    metric: ClassVar[str] = "mIoU"
    higher_is_better: ClassVar[bool] = True
    class_counts: ClassVar[range] = range(2, IGNORE + 1)

    @property
    def channels(self) -> int:
        """One logit per class."""
        return len(self.spec.classes)

    def decode(self, raw: NDArray[Any]) -> Label:
        """Class indices (H, W) uint8; raises DataError where one is neither a class nor 255."""
        self._require(raw.dtype == np.uint8 and raw.ndim == 2, "uint8 (H, W)", raw)
        wrong = raw[(raw >= self.channels) & (raw != IGNORE)]
        if wrong.size:
            raise DataError(
                f"task '{self.name}': class index {wrong.max()} in a label, but its {self.channels} classes "
                f"end at {self.channels - 1}; use {IGNORE} for unlabelled"
            )
        return raw

    def encode(self, label: Label) -> NDArray[Any]:
        """The same."""
        return label

    def unlabelled(self, size: tuple[int, int]) -> Label:
        """255 everywhere."""
        return np.full(size, IGNORE, np.uint8)

    def opposite(self, label: Label) -> Label:
        """Of C classes, C − 1 − c for c."""
        return np.where(label == IGNORE, label, self.channels - 1 - label)

    def target(self, label: Label) -> Tensor:
        """Class indices (H, W) uint8."""
        return torch.from_numpy(np.array(label, order="C"))

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Mean cross-entropy over labelled pixels; logits (B, classes, H, W), target (B, H, W)."""
        total = F.cross_entropy(output.float(), target.long(), ignore_index=IGNORE, reduction="sum")
        return total / (target != IGNORE).sum().clamp(min=1)

    def statistics(self, output: Tensor, target: Tensor) -> Statistics:
        """`confusion`: pixels by (true, predicted) class."""
        predicted = output.max(1).indices  # on a CPU eight times as fast as `argmax(1)`
        return {"confusion": confusion_matrix(predicted, target, self.channels, IGNORE)}

    def metrics(self, statistics: Mapping[str, Tensor]) -> dict[str, float]:
        """`mIoU` and `pixel_accuracy`, in percent."""
        confusion = statistics["confusion"]
        return {"mIoU": mean_iou(confusion), "pixel_accuracy": accuracy(confusion)}

    def predict(self, output: Tensor) -> Label:
        """The likeliest class of each pixel, (H, W) uint8."""
        return output.argmax(0).to("cpu", torch.uint8).numpy()

    def picture(self, label: Label, reference: Label | None = None) -> NDArray[np.uint8]:
        """A colour per class."""
        return class_colours()[label]
