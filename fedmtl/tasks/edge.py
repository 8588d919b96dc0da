"""Edge detection: boundaries of objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from torch import Tensor
from torch.nn import functional as F

from fedmtl.tasks.base import Label, Statistics, Task
from fedmtl.tasks.binary import BinaryMap, weighted_cross_entropy
from fedmtl.tasks.geometry import keep_lines
from fedmtl.tasks.thresholds import best_f, threshold_counts

BINS = 100
POSITIVE_WEIGHT = 0.95
COUNTS = ("tp", "fp", "fn", "right", "wrong", "found", "missed")


class Edge(BinaryMap):
    """A `BinaryMap` of thin lines, learned by cross-entropy that weighs edges 0.95 and the rest 0.05.

    Metrics, in percent, at the best of thresholds 0.01 … 0.99 of the probability, with counts pooled over all
    images; NaN where there is no edge:

    * `edgeF`: F of the pixels as they are.
    * `edgeF_1px`: F where a predicted pixel next to an edge is right, and an edge next to a predicted pixel
      is found (next to: at most one pixel away, diagonals included).

    Neither is the field's odsF, which thins the prediction and matches boundary pixels one to one: they rank
    models on the same data, but are not comparable with published figures. `Boundary` has that as well.
    """

    weight: ClassVar[float] = 50.0
    metric: ClassVar[str] = "edgeF"

    def resize(self, label: Label, size: tuple[int, int]) -> Label:
        """The label at another (height, width); lines stay connected when it shrinks."""
        return keep_lines(label, size)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Weighted cross-entropy of logits and target (B, 1, H, W)."""
        return weighted_cross_entropy(output, target, POSITIVE_WEIGHT)

    def statistics(self, output: Tensor, target: Tensor) -> Statistics:
        """Counts of pixels at each threshold, (99,).

        `tp`, `fp` and `fn` as they are. With tolerance: `right` and `wrong` of what is predicted, `found` and
        `missed` of the edges.
        """
        score = output.detach().float().sigmoid()
        unlabelled = target < 0
        score_nearby = _dilate(score.masked_fill(unlabelled, 0))
        edge_nearby = _dilate(target).masked_fill(unlabelled, -1)
        tp, fp, fn = threshold_counts(score, target, BINS)
        right, wrong, _ = threshold_counts(score, edge_nearby, BINS)
        found, _, missed = threshold_counts(score_nearby, target, BINS)
        return dict(zip(COUNTS, (tp, fp, fn, right, wrong, found, missed), strict=True))

    def metrics(self, statistics: Mapping[str, Tensor]) -> dict[str, float]:
        """`edgeF` and `edgeF_1px`, in percent."""
        tp, fp, fn, right, wrong, found, missed = (statistics[name] for name in COUNTS)
        return {
            "edgeF": best_f(tp / (tp + fp), tp / (tp + fn), 1),
            "edgeF_1px": best_f(right / (right + wrong), found / (found + missed), 1),
        }

    def thorough(self) -> Task:
        """As a `Boundary`, with odsF and oisF."""
        from fedmtl.tasks.boundary import Boundary  # which is an `Edge`

        return Boundary(self.spec)


def _dilate(maps: Tensor) -> Tensor:
    """Each pixel's largest value among itself and its eight neighbours."""
    return F.max_pool2d(maps, kernel_size=3, stride=1, padding=1)
