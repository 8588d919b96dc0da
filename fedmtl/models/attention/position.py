"""Sine positions in two dimensions, without parameters (Carion et al. 2020)."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def sine_position(height: int, width: int, channels: int, device: torch.device) -> Tensor:
    """(height, width, channels): sines and cosines of y in the first half, of x in the second.

    Coordinates are pixel centres in (0, 2π), so that the position of a point does not depend on resolution.
    `channels` is a multiple of 4.
    """
    quarter = channels // 4
    wavelengths = 10000.0 ** (torch.arange(quarter, device=device) / quarter)

    def encode(size: int) -> Tensor:
        centres = (torch.arange(size, device=device) + 0.5) / size * 2 * math.pi
        angles = centres[:, None] / wavelengths
        return torch.cat((angles.sin(), angles.cos()), dim=1)

    y = encode(height)[:, None].expand(height, width, 2 * quarter)
    x = encode(width)[None].expand(height, width, 2 * quarter)
    return torch.cat((y, x), dim=2)
