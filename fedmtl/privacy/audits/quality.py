"""How near a reconstructed image is to the true one."""

from __future__ import annotations

import torch
from torch import Tensor

SUCCESS = 20.0
"""dB from which a reconstruction shows what is in the image."""


def psnr(image: Tensor, truth: Tensor) -> float:
    """The peak signal-to-noise ratio of an image in [0, 1], in dB; at most 120."""
    error = float((image.double() - truth.double()).square().mean())
    return float(-10 * torch.log10(torch.tensor(max(error, 1e-12))))


def total_variation(images: Tensor) -> Tensor:
    """The mean absolute difference of neighbours in rows, and of those in columns, added; (R, …, H, W) → (R,)."""
    across = (images[..., :, 1:] - images[..., :, :-1]).abs().flatten(1).mean(dim=1)
    return across + (images[..., 1:, :] - images[..., :-1, :]).abs().flatten(1).mean(dim=1)
