"""Soft classification: how likely each class is, as another network says."""

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
from fedmtl.tasks.base import Label, Statistics
from fedmtl.tasks.columns import Columns
from fedmtl.tasks.masked import masked_mean, masked_sums
from fedmtl.tasks.palette import bar_chart

TOLERANCE = 0.01
"""By so much the probabilities of a label may miss 1."""
SHOWN = 5


class SoftClassification(Columns):
    """The probability of each class, (classes,) float32, NaN unlabelled; learned by cross-entropy.

    Labels are mostly what a larger network says of the image (Hinton et al., "Distilling the Knowledge in a Neural
    Network", 2015). The loss is Σ p (log p − log q), which is the cross-entropy −Σ p log q less the label's own
    entropy: its gradient is the same, and a perfect prediction costs nothing.

    Metrics: `top1` and `top5`, in percent, of the images whose likeliest class is the likeliest one of the prediction,
    or among its five; `cross_entropy`, −Σ p log q, in nats, whose least is the labels' mean entropy.
    """

    metric: ClassVar[str] = "top1"
    higher_is_better: ClassVar[bool] = True
    class_counts: ClassVar[range] = range(2, sys.maxsize)

    @property
    def channels(self) -> int:
        """One logit per class."""
        return len(self.spec.classes)

    def decode(self, raw: NDArray[Any]) -> Label:
        """A probability per class in as many columns (classes,), or NaN in all."""
        self._require(raw.shape == (self.channels,), f"one probability per class ({self.channels},)", raw)
        if not np.isnan(raw).all():
            if not (raw >= 0).all():
                raise DataError(f"task '{self.name}': a probability is negative or missing")
            if abs(raw.sum() - 1) > TOLERANCE:
                raise DataError(f"task '{self.name}': the probabilities add up to {raw.sum():.4g}, not to 1")
        return raw.astype(np.float32)

    def opposite(self, label: Label) -> Label:
        """Of C classes, C − 1 − c for c."""
        return label[::-1]

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Mean Σ p (log p − log q) over labelled images; logits and target (B, classes)."""
        divergence = F.kl_div(output.float().log_softmax(1), target.nan_to_num(), reduction="none").sum(1)
        return masked_mean(divergence, _labelled(target))

    def statistics(self, output: Tensor, target: Tensor) -> Statistics:
        """Sums over labelled images, each (): `first`, `among_five`, `cross_entropy`, `count`."""
        logits, truth = output.detach().float(), target.nan_to_num()
        ranked = logits.topk(min(SHOWN, self.channels), dim=1).indices
        right = ranked == truth.argmax(1, keepdim=True)
        return masked_sums(
            _labelled(target),
            first=right[:, 0],
            among_five=right.any(1),
            cross_entropy=-(truth * logits.log_softmax(1)).sum(1),
            count=torch.ones_like(truth[:, 0]),
        )

    def metrics(self, statistics: Mapping[str, Tensor]) -> dict[str, float]:
        """`top1` and `top5` in percent, `cross_entropy` in nats."""
        count = statistics["count"]
        return {
            "top1": float(100 * statistics["first"] / count),
            "top5": float(100 * statistics["among_five"] / count),
            "cross_entropy": float(statistics["cross_entropy"] / count),
        }

    def predict(self, output: Tensor) -> Label:
        """The probability of each class."""
        return output.float().softmax(0).cpu().numpy()

    def summary(self, output: Tensor) -> dict[str, Any]:
        """`class`, the likeliest one's name, and `probabilities` of the five likeliest by name."""
        prediction = self.predict(output)
        likeliest = {self.spec.classes[index]: float(prediction[index]) for index in _likeliest(prediction)}
        return {"class": next(iter(likeliest)), "probabilities": likeliest}

    def picture(self, label: Label, reference: Label | None = None) -> NDArray[np.uint8]:
        """A bar for each of the five classes that are the likeliest in `reference`, from 0 to 1."""
        return bar_chart(label[_likeliest(label if reference is None else reference)], 0, 1)

    def words(self, label: Label) -> str:
        """The three likeliest classes, in percent."""
        if np.isnan(label).any():
            return "unlabelled"
        return ", ".join(f"{self.spec.classes[index]} {label[index]:.0%}" for index in _likeliest(label)[:3])


def _labelled(target: Tensor) -> Tensor:
    """Which images have a label, (B,)."""
    return ~target.isnan().any(dim=1)


def _likeliest(probabilities: Label) -> list[int]:
    """The indices of the five classes with the greatest probabilities, in order."""
    order: list[int] = np.argsort(-probabilities, kind="stable")[:SHOWN].tolist()
    return order
