"""Image classification: a class per image."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from fedmtl.errors import DataError
from fedmtl.tasks.base import Label, Statistics, Task
from fedmtl.tasks.confusion import accuracy, balanced_accuracy, confusion_matrix
from fedmtl.tasks.palette import bar_chart

IGNORE = -1


class Classification(Task):
    """A class index (1,) int64, −1 unlabelled; learned by cross-entropy.

    Metrics, in percent: `accuracy`, and `balanced_accuracy`, the mean over classes of the share of their
    images that are right (a class without an image is left out).
    """

    dense: ClassVar[bool] = False
    metric: ClassVar[str] = "accuracy"
    higher_is_better: ClassVar[bool] = True
    class_counts: ClassVar[range] = range(2, sys.maxsize)

    @property
    def channels(self) -> int:
        """One logit per class."""
        return len(self.spec.classes)

    def decode(self, raw: NDArray[Any]) -> Label:
        """A class index (1,) in one column."""
        self._require(raw.shape == (1,), "one class index (1,)", raw)
        if not (np.isnan(raw[0]) or raw[0] in range(self.channels)):
            raise DataError(
                f"task '{self.name}': {raw[0]:g} is not a class index; its {self.channels} classes are "
                f"numbered 0 to {self.channels - 1}"
            )
        return np.where(np.isnan(raw), IGNORE, np.nan_to_num(raw)).astype(np.int64)

    def encode(self, label: Label) -> NDArray[Any]:
        """A class index (1,) float64, NaN where unlabelled."""
        return np.where(label == IGNORE, np.nan, label)

    def unlabelled(self, size: tuple[int, int]) -> Label:
        """−1 alone."""
        return np.array([IGNORE])

    def opposite(self, label: Label) -> Label:
        """Of C classes, C − 1 − c for c."""
        return np.where(label == IGNORE, label, self.channels - 1 - label)

    def target(self, label: Label) -> Tensor:
        """A class index () int64."""
        return torch.tensor(label[0])

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Cross-entropy of logits (B, classes) and class indices (B,)."""
        total = F.cross_entropy(output.float(), target, ignore_index=IGNORE, reduction="sum")
        return total / (target != IGNORE).sum().clamp(min=1)

    def statistics(self, output: Tensor, target: Tensor) -> Statistics:
        """`confusion`: images by (true, predicted) class."""
        return {"confusion": confusion_matrix(output.argmax(1), target, self.channels, IGNORE)}

    def metrics(self, statistics: Mapping[str, Tensor]) -> dict[str, float]:
        """`accuracy` and `balanced_accuracy`, in percent."""
        confusion = statistics["confusion"]
        return {"accuracy": accuracy(confusion), "balanced_accuracy": balanced_accuracy(confusion)}

    def predict(self, output: Tensor) -> Label:
        """The likeliest class (1,) int64."""
        return output.argmax(0, keepdim=True).cpu().numpy()

    def summary(self, output: Tensor) -> dict[str, Any]:
        """`class`, the likeliest one's name, and `probabilities` by name, which add up to 1."""
        probabilities = output.float().softmax(0).tolist()
        return {
            "class": self.words(self.predict(output)),
            "probabilities": dict(zip(self.spec.classes, probabilities, strict=True)),
        }

    def picture(self, label: Label, reference: Label | None = None) -> NDArray[np.uint8]:
        """A full bar at the class."""
        return bar_chart(np.where(label == IGNORE, np.nan, np.arange(self.channels) == label), 0, 1)

    def words(self, label: Label) -> str:
        """The class."""
        return "unlabelled" if label[0] == IGNORE else self.spec.classes[int(label[0])]
