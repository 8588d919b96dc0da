"""Deformable sampling in plain PyTorch: one `grid_sample` over all source maps, stacked into a tall one."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def plain_sample(value: Tensor, locations: Tensor, weights: Tensor, sources: Tensor | None) -> Tensor:
    """See `deformable_sample`. Materialises every sample: B·Q·M·K·P·D elements."""
    batch, tasks, height, width, heads, channels = value.shape
    _, queries, _, slots, points, _ = locations.shape
    # A row of zeros above and below each map: what lies outside one map then never reads its neighbour.
    rows = height + 2
    tall = F.pad(value.to(locations.dtype).permute(0, 4, 5, 1, 2, 3), (0, 0, 1, 1))
    tall = tall.reshape(batch * heads, channels, tasks * rows, width)

    if sources is None:
        sources = torch.arange(tasks, device=value.device).expand(batch, queries, slots)
    x, y = locations.unbind(dim=-1)
    row = (y * height - 0.5).clamp(-1, height) + 1 + rows * sources[:, :, None, :, None]
    grid = torch.stack((2 * x - 1, (2 * row + 1) / (tasks * rows) - 1), dim=-1)
    grid = grid.permute(0, 2, 1, 3, 4, 5).reshape(batch * heads, queries, slots * points, 2)

    sampled = F.grid_sample(tall, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    by_head = (
        weights.to(sampled.dtype).permute(0, 2, 1, 3, 4).reshape(batch * heads, 1, queries, slots * points)
    )
    summed = (sampled * by_head).sum(dim=-1)  # (B·M, D, Q)
    out = summed.reshape(batch, heads * channels, queries).transpose(1, 2)
    return out.to(value.dtype)
