"""Multi-label classification: any number of classes per image."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from fedmtl.errors import DataError
from fedmtl.tasks.base import Label, Statistics
from fedmtl.tasks.columns import Columns
from fedmtl.tasks.masked import masked_mean
from fedmtl.tasks.palette import bar_chart

BINS = 4096
WIDEST = 16.0
"""Logits further out share the outermost bins."""
STEEPNESS = 4.0
"""How much closer bins lie about probability ½ than far out."""


class MultiLabel(Columns):
    """Per class 1 for yes, 0 for no, NaN unlabelled, (classes,) float32; learned by binary cross-entropy.

    Metrics, in percent, means over classes: `mAP`, the average precision Σ (R_k − R_{k−1}) · P_k over 4096
    thresholds of the logit (a class that no image has is left out), and, at probability 0.5, `accuracy`, the
    share of images of which it is told right (as usual on CelebA), and `macro_f1`, F1 (a class that no image has, nor
    is said to have, is left out). Thresholds are 0.0005 apart about 0 and no more than 0.04 up to logits of
    ±16, so that rare classes, whose probabilities are all small, are ranked as well.
    """

    metric: ClassVar[str] = "mAP"
    higher_is_better: ClassVar[bool] = True
    class_counts: ClassVar[range] = range(1, sys.maxsize)

    @property
    def channels(self) -> int:
        """One logit per class."""
        return len(self.spec.classes)

    def decode(self, raw: NDArray[Any]) -> Label:
        """1, 0 or NaN per class, in as many columns (classes,)."""
        self._require(raw.shape == (self.channels,), f"one value per class ({self.channels},)", raw)
        wrong = raw[~(np.isnan(raw) | np.isin(raw, (0, 1)))]
        if wrong.size:
            raise DataError(f"task '{self.name}': a class is 1 (yes), 0 (no) or empty, not {wrong[0]:g}")
        return raw.astype(np.float32)

    def opposite(self, label: Label) -> Label:
        """No for yes and yes for no."""
        return 1 - label

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Mean binary cross-entropy over labelled classes; logits and target (B, classes)."""
        cost = F.binary_cross_entropy_with_logits(output.float(), target.nan_to_num(), reduction="none")
        return masked_mean(cost, ~target.isnan())

    def statistics(self, output: Tensor, target: Tensor) -> Statistics:
        """`positives` and `negatives`: images of each class and others, by logit, (classes, 4096)."""
        size = self.channels * BINS
        within = _bin(output.detach().double())
        cell = within + BINS * torch.arange(self.channels, device=output.device)
        cell = torch.where(target.isnan(), 2 * size, cell + size * target.nan_to_num().long())
        counts = torch.bincount(cell.flatten(), minlength=2 * size + 1)[:-1].cpu().double()
        negatives, positives = counts.reshape(2, self.channels, BINS)
        return {"positives": positives, "negatives": negatives}

    def metrics(self, statistics: Mapping[str, Tensor]) -> dict[str, float]:
        """`mAP`, `accuracy` and `macro_f1`, in percent."""
        hits = statistics["positives"].flip(1).cumsum(1)
        wrong = statistics["negatives"].flip(1).cumsum(1)
        positives = hits[:, -1:]
        precision = (hits / (hits + wrong)).nan_to_num(0)
        average_precision = (precision * statistics["positives"].flip(1) / positives).sum(1)
        half = BINS // 2 - 1  # the lowest bin from 0.5 on, counted from the top
        f1 = 2 * hits[:, half] / (positives[:, 0] + hits[:, half] + wrong[:, half])
        right = hits[:, half] + wrong[:, -1] - wrong[:, half]
        means = {"mAP": average_precision, "accuracy": right / (hits + wrong)[:, -1], "macro_f1": f1}
        return {name: 100 * float(of_class.nanmean()) for name, of_class in means.items()}

    def predict(self, output: Tensor) -> Label:
        """The probability of each class."""
        return output.float().sigmoid().cpu().numpy()

    def summary(self, output: Tensor) -> dict[str, Any]:
        """`classes`, the names of those that are likelier than not, and `probabilities` by name."""
        probabilities = dict(zip(self.spec.classes, self.predict(output).tolist(), strict=True))
        return {
            "classes": [name for name, value in probabilities.items() if value >= 0.5],
            "probabilities": probabilities,
        }

    def picture(self, label: Label, reference: Label | None = None) -> NDArray[np.uint8]:
        """A bar per class, as high as its probability."""
        return bar_chart(label, 0, 1)

    def words(self, label: Label) -> str:
        """The classes that are likelier than not."""
        if np.isnan(label).all():
            return "unlabelled"
        there = [name for name, value in zip(self.spec.classes, label, strict=True) if value >= 0.5]
        return ", ".join(there) or "none"


def _bin(logit: Tensor) -> Tensor:
    """The bin of each logit, rising; 0 is the lower end of one."""
    place = logit.sign() * (STEEPNESS * logit.abs()).log1p() / math.log1p(STEEPNESS * WIDEST)  # from −1 to 1
    return ((place + 1) / 2 * BINS).long().clamp(0, BINS - 1)
