"""Confusion matrices and the metrics that follow from them; in percent."""

from __future__ import annotations

import torch
from torch import Tensor


def confusion_matrix(predicted: Tensor, truth: Tensor, classes: int, ignore: int) -> Tensor:
    """How often each true class was predicted as each class: (true, predicted), float64, on the CPU.

    Args:
        predicted: class indices, any shape.
        truth: class indices of the same shape, or `ignore`.
        classes: how many there are.
        ignore: the index that means unlabelled.
    """
    cell = torch.where(truth == ignore, classes * classes, truth.long() * classes + predicted)
    counts = torch.bincount(cell.flatten(), minlength=classes * classes + 1)[:-1]
    return counts.cpu().double().reshape(classes, classes)


def mean_iou(confusion: Tensor) -> float:
    """Mean over classes of TP / (TP + FP + FN).

    A class that occurs in neither truth nor prediction has no such ratio and is left out of the mean.
    """
    hits = confusion.diagonal()
    return _percent((hits / (confusion.sum(0) + confusion.sum(1) - hits)).nanmean())


def accuracy(confusion: Tensor) -> float:
    """The share of elements that were predicted right."""
    return _percent(confusion.trace() / confusion.sum())


def balanced_accuracy(confusion: Tensor) -> float:
    """Mean over classes of the share of their elements that were predicted right.

    A class that does not occur in truth is left out of the mean.
    """
    return _percent((confusion.diagonal() / confusion.sum(1)).nanmean())


def _percent(share: Tensor) -> float:
    return 100 * float(share)
