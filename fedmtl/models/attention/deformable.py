"""Deformable inter-task self-attention (arXiv 2508.04422), factorised by source task."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from fedmtl.config import AttentionConfig
from fedmtl.models.attention.block import InterTaskAttention, Source
from fedmtl.models.attention.sampling import deformable_sample


class DeformableSource(Source):
    """A source task's embedding, and where in its map a query looks: M·P offsets and attention logits.

    Offsets start, whatever the query, on a ring around it: head m looks in direction 2πm/M, at distances of
    1 … P pixels (Zhu et al. 2021). Logits start at zero.
    """

    def __init__(self, task: str, config: AttentionConfig) -> None:
        super().__init__(task, config)
        self.projection = nn.Linear(config.channels, config.heads * config.points * 3)
        nn.init.zeros_(self.projection.weight)
        angles = 2 * math.pi * torch.arange(config.heads) / config.heads
        directions = torch.stack((angles.cos(), angles.sin()), dim=-1)
        directions = directions / directions.abs().amax(dim=-1, keepdim=True)
        steps = torch.arange(1, config.points + 1)[None, :, None]
        ring = torch.cat((directions[:, None] * steps, torch.zeros(config.heads, config.points, 1)), dim=-1)
        with torch.no_grad():
            self.projection.bias.copy_(ring.flatten())


class DeformableAttention(InterTaskAttention):
    """Each query samples P points a head in every source's map, weights softmaxed over sources and points.

    One projection a source, never one matrix for all: any task subset builds parameters that line up by name.
    """

    source = DeformableSource

    def __init__(self, config: AttentionConfig, tasks: Sequence[str], seed: int) -> None:
        super().__init__(config, tasks, seed)
        self.value = nn.Linear(config.channels, config.channels)

    def attend(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """See `InterTaskAttention.attend`. A query alone decides where it looks; keys are not used."""
        heads, points = self.config.heads, self.config.points
        height, width = queries.shape[2:4]
        flat = queries.flatten(1, 3)
        looks = torch.stack(
            [cast(DeformableSource, self.sources[task]).projection(flat) for task in self.tasks], dim=2
        )  # (B, Q, T, 3·M·P)
        looks = looks.view(*looks.shape[:3], heads, points, 3).transpose(2, 3)  # (B, Q, M, T, P, 3)
        looks = looks.float()  # half precision would lose pixels
        weights = looks[..., 2].flatten(3).softmax(dim=-1).view(looks.shape[:-1])
        reference = pixel_centres(height, width, flat.device).repeat(queries.shape[1], 1)
        locations = reference[:, None, None, None] + looks[..., :2] / looks.new_tensor((width, height))
        value = self.value(values).view(*values.shape[:-1], heads, -1)
        return deformable_sample(value, locations, weights).view(queries.shape)


def pixel_centres(height: int, width: int, device: torch.device) -> Tensor:
    """(height·width, 2): the (x, y) in [0, 1] of every pixel, row by row."""
    y = (torch.arange(height, device=device) + 0.5) / height
    x = (torch.arange(width, device=device) + 0.5) / width
    return torch.stack((x.repeat(height), y.repeat_interleave(width)), dim=-1)
