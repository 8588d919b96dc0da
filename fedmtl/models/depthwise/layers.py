"""Depthwise convolutions as layers, and how a timm model comes to have them."""

from __future__ import annotations

from typing import cast

import torch
from timm.layers.conv2d_same import Conv2dSame
from timm.layers.padding import pad_same
from torch import Tensor, nn

from fedmtl.models.depthwise.operator import convolve, convolve_by_torch

TORCHS = 3
"""Up to weights of this height and width, torch's gradient takes about as long as ours."""
DTYPES = (torch.float32, torch.float64)
"""What the kernel computes in."""


class Depthwise(nn.Conv2d):
    """A depthwise convolution whose gradient by the weight is ours where that applies, else torch's."""

    own_gradient: bool = True

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, H', W')."""
        return self._convolve(x, cast(tuple[int, int], self.padding))

    def _convolve(self, x: Tensor, padding: tuple[int, int]) -> Tensor:
        ours = (
            self.own_gradient
            and self.weight.requires_grad
            and torch.is_grad_enabled()
            and x.device.type == "cpu"
            and x.dtype == self.weight.dtype
            and x.dtype in DTYPES
            and not torch.is_autocast_enabled("cpu")
            and not torch.compiler.is_exporting()
        )
        run = convolve if ours else convolve_by_torch
        return run(x, self.weight, self.bias, self.stride, padding)


class DepthwiseSame(Conv2dSame, Depthwise):
    """One with TensorFlow's padding, which has up to one row or column more below or to the right."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, ⌈H/stride⌉, ⌈W/stride⌉)."""
        return self._convolve(pad_same(x, list(self.kernel_size), list(self.stride)), (0, 0))


_QUICKER: dict[type[nn.Module], type[Depthwise]] = {nn.Conv2d: Depthwise, Conv2dSame: DepthwiseSame}


def quicken_depthwise(body: nn.Module) -> None:
    """Turn those depthwise convolutions in `body` into `Depthwise` that train faster so.

    They stay the same objects, with their hooks, parameters and results. The gradient by the weight is equal up to
    rounding, and has the same bits on any number of threads. On other devices, in half precision and in graphs for
    export it is torch's, as it was.
    """
    for module in body.modules():
        quicker = _QUICKER.get(type(module))
        if quicker and _trains_faster(cast(nn.Conv2d, module)):
            module.__class__ = quicker


def _trains_faster(convolution: nn.Conv2d) -> bool:
    return (
        convolution.groups == convolution.in_channels == convolution.out_channels
        and max(convolution.kernel_size) > TORCHS
        and convolution.dilation == (1, 1)
        and convolution.padding_mode == "zeros"
        and not isinstance(convolution.padding, str)
    )
