"""Means and sums over labelled elements, without an indexing operation that would make a GPU wait."""

from __future__ import annotations

import torch
from torch import Tensor

from fedmtl.tasks.base import Statistics


def masked_mean(values: Tensor, valid: Tensor) -> Tensor:
    """The mean of `values` where `valid` (same shape); 0, with a gradient of 0, where nothing is."""
    return torch.where(valid, values, 0.0).sum() / valid.sum().clamp(min=1)


def masked_sums(valid: Tensor, **values: Tensor) -> Statistics:
    """The float64 sum of each of `values` where `valid` (same shape), on the CPU after one transfer."""
    sums = [torch.where(valid, value, 0.0).sum(dtype=torch.float64) for value in values.values()]
    return dict(zip(values, torch.stack(sums).cpu(), strict=True))
