"""Counts at many thresholds of a score, in one pass, and the F-measure at the best of them."""

from __future__ import annotations

import torch
from torch import Tensor


def threshold_counts(score: Tensor, truth: Tensor, bins: int) -> tuple[Tensor, Tensor, Tensor]:
    """True positives, false positives and false negatives where a score that reaches a threshold is a yes.

    Args:
        score: between 0 and 1, any shape.
        truth: 1, 0, or −1 where unlabelled; same shape.
        bins: the thresholds are 1 / bins, 2 / bins, … (bins − 1) / bins.

    Returns:
        Three (bins − 1,) float64 tensors on the CPU.
    """
    tp, fp, fn = image_threshold_counts(score[None], truth[None], bins)
    return tp[0], fp[0], fn[0]


def image_threshold_counts(score: Tensor, truth: Tensor, bins: int) -> tuple[Tensor, Tensor, Tensor]:
    """As `threshold_counts`, of each image: (B, …) → (B, bins − 1)."""
    # A score falls into the bin numbered by how many thresholds it reaches: one pass instead of one for each.
    reached = (score * bins).long().clamp(max=bins - 1)
    cell = torch.where(truth < 0, 2 * bins, truth.long() * bins + reached).flatten(1)
    images, cells = len(cell), 2 * bins + 1
    cell = cell + cells * torch.arange(images, device=cell.device)[:, None]
    counts = torch.bincount(cell.flatten(), minlength=images * cells).cpu().double()
    counts = counts.reshape(images, cells)[:, :-1].reshape(images, 2, bins)
    below = counts.cumsum(2)[..., :-1]
    false_positives, true_positives = (counts.sum(2, keepdim=True) - below).unbind(1)
    return true_positives, false_positives, below[:, 1]


def best_f(precision: Tensor, recall: Tensor, beta_squared: float) -> float:
    """The largest (1 + β²)·P·R / (β²·P + R) over thresholds, in percent.

    A threshold that nothing reaches (precision 0/0) has F = 0; without a positive (recall 0/0) F is NaN.

    Args:
        precision: (K,).
        recall: (K,).
        beta_squared: β², below 1 where precision matters more.
    """
    precision = precision.nan_to_num(0)
    f = (1 + beta_squared) * precision * recall / (beta_squared * precision + recall).clamp(min=1e-12)
    return 100 * float(f.max())
