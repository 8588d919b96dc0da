"""From a pyramid to the one map of a task at which tasks attend to each other."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from fedmtl.models.groups import Grouped


def resample(x: Tensor, size: tuple[int, int]) -> Tensor:
    """(B, C, H, W) at another size of the same extent: averaged where smaller, bilinear where larger."""
    if x.shape[2:] == size:
        return x
    if x.shape[2] >= size[0] and x.shape[3] >= size[1]:
        return F.adaptive_avg_pool2d(x, size)
    return F.interpolate(x, size, mode="bilinear", align_corners=False)


class Neck(Grouped):
    """The sum of 1×1 projections of all levels at one size, shared by all tasks."""

    group = "attention"

    def __init__(self, channels: Sequence[int], out_channels: int) -> None:
        super().__init__()
        self.lateral = nn.ModuleList(nn.Conv2d(width, out_channels, 1, bias=False) for width in channels)
        self.norm = nn.GroupNorm(1, out_channels)

    def forward(self, levels: Sequence[Tensor], size: tuple[int, int]) -> Tensor:
        """(B, out_channels, *size) from levels of (B, C_l, H_l, W_l)."""
        # Resampling and projecting commute; the projection should meet the smaller map.
        projected = [
            resample(lateral(resample(level, size) if level.shape[2] > size[0] else level), size)
            for lateral, level in zip(self.lateral, levels, strict=True)
        ]
        summed: Tensor = self.norm(sum(projected[1:], projected[0]))
        return summed
