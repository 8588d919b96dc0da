"""Saliency: the pixels that catch the eye."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from fedmtl.tasks.base import Statistics
from fedmtl.tasks.binary import BinaryMap, weighted_cross_entropy
from fedmtl.tasks.thresholds import best_f, image_threshold_counts

BINS = 20
BETA_SQUARED = 0.3
FROM_02_TO_09 = slice(3, 18)
"""Of thresholds 0.05, 0.10, … 0.95 the fifteen that are used where images count alike."""


class Saliency(BinaryMap):
    """A `BinaryMap` learned by balanced cross-entropy (Xie and Tu, "Holistically-Nested Edge Detection").

    The weight of the salient pixels is the share of the others in the batch, so a batch without a salient
    pixel costs nothing.

    Metrics, in percent, by two conventions that are not comparable:

    * `maxF`: the best F with β² = 0.3 over thresholds 0.05, 0.10, … 0.95 of the probability, from counts pooled over
      all images; NaN where no pixel is salient. A published meter takes the sigmoid of the probability once more, so
      that its thresholds are in effect 0, 0.20, 0.41, 0.62 and 0.85.
    * `maxF1_images` and `mIoU_images`: the best over thresholds 0.20, 0.25, … 0.90 of F1 = 2·P·R / (P + R) of the mean
      precision and mean recall over images, and of the mean over images of TP / (TP + FP + FN). As the field has it,
      an image without a salient pixel has IoU 1 where none is predicted, but P = R = 0.
    """

    weight: ClassVar[float] = 5.0
    metric: ClassVar[str] = "maxF"

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Balanced cross-entropy of logits and target (B, 1, H, W)."""
        others = (target == 0).sum() / (target >= 0).sum().clamp(min=1)
        return weighted_cross_entropy(output, target, positive_weight=others)

    def statistics(self, output: Tensor, target: Tensor) -> Statistics:
        """Sums over images.

        `tp`, `fp` and `fn`, counts of pixels at each threshold, (19,); `precision`, `recall` and `iou` of each image at
        the fifteen thresholds from 0.2, (15,); `images`, those with a labelled pixel, ().
        """
        counts = image_threshold_counts(output.detach().float().sigmoid(), target, BINS)
        tp, fp, fn = (each[:, FROM_02_TO_09] for each in counts)
        labelled = (target >= 0).flatten(1).any(1).cpu()[:, None]
        iou = torch.where(tp + fp + fn > 0, tp / (tp + fp + fn), 1.0)
        return {name: each.sum(0) for name, each in zip(("tp", "fp", "fn"), counts, strict=True)} | {
            "precision": (tp / (tp + fp).clamp(min=1)).sum(0),
            "recall": (tp / (tp + fn).clamp(min=1)).sum(0),
            "iou": torch.where(labelled, iou, 0.0).sum(0),
            "images": labelled.sum().double(),
        }

    def metrics(self, statistics: Mapping[str, Tensor]) -> dict[str, float]:
        """`maxF`, `maxF1_images` and `mIoU_images`, in percent."""
        tp, fp, fn = (statistics[name] for name in ("tp", "fp", "fn"))
        precision, recall, iou = (
            statistics[name] / statistics["images"] for name in ("precision", "recall", "iou")
        )
        return {
            "maxF": best_f(tp / (tp + fp), tp / (tp + fn), BETA_SQUARED),
            "maxF1_images": best_f(precision, recall, 1),
            "mIoU_images": 100 * float(iou.max()),
        }
