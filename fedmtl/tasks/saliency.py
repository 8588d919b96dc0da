"""Saliency: the pixels that catch the eye."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor

from fedmtl.tasks.base import Statistics
from fedmtl.tasks.binary import BinaryMap, weighted_cross_entropy
from fedmtl.tasks.thresholds import best_f, threshold_counts

BINS = 20
BETA_SQUARED = 0.3


class Saliency(BinaryMap):
    """A `BinaryMap` learned by balanced cross-entropy (Xie and Tu, "Holistically-Nested Edge Detection").

    The weight of the salient pixels is the share of the others in the batch, so a batch without a salient
    pixel costs nothing.

    Metric: `maxF` in percent, the best F with β² = 0.3 over thresholds 0.05, 0.10, … 0.95 of the probability,
    from counts pooled over all images; NaN where no pixel is salient.
    """

    weight: ClassVar[float] = 5.0
    metric: ClassVar[str] = "maxF"

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Balanced cross-entropy of logits and target (B, 1, H, W)."""
        others = (target == 0).sum() / (target >= 0).sum().clamp(min=1)
        return weighted_cross_entropy(output, target, positive_weight=others)

    def statistics(self, output: Tensor, target: Tensor) -> Statistics:
        """`tp`, `fp` and `fn`, counts of pixels at each threshold, (19,)."""
        tp, fp, fn = threshold_counts(output.detach().float().sigmoid(), target, BINS)
        return {"tp": tp, "fp": fp, "fn": fn}

    def metrics(self, statistics: Mapping[str, Tensor]) -> dict[str, float]:
        """`maxF`, in percent."""
        tp, fp, fn = (statistics[name] for name in ("tp", "fp", "fn"))
        return {"maxF": best_f(tp / (tp + fp), tp / (tp + fn), BETA_SQUARED)}
