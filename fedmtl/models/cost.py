"""Multiply-adds of anything that runs in torch: one operator, the network's forward pass, a training step.

    multiply_adds(lambda: network(image))

Counted are matrix products, convolutions, attention and sampling; not what works element by element
(normalisation, softmax, activations, pooling, interpolation). torch's own counter takes the attention and the
sampling that run on a CPU for free, and the gradient by a convolution's weight for that of one without groups, so
their formulas are here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from fedmtl.models.attention.flops import CORNERS

Formula = Callable[..., int]
"""FLOPs of an operator's call, from its arguments, tensors replaced by their shapes."""

aten = torch.ops.aten


def multiply_adds(call: Callable[[], object], formulas: Mapping[Any, Formula] | None = None) -> int:
    """Run `call` once and count the multiply-adds of all that it runs, the backward pass included where it runs one.

    Args:
        call: what to count. Through modules it should run its backward pass by `backward()`: torch's counter cannot
            follow `autograd.grad` there.
        formulas: of further operators (`torch.ops.<namespace>.<name>`), besides those that torch's counter knows.
    """
    with FlopCounterMode(display=False, custom_mapping={**_FORMULAS, **(formulas or {})}) as counter:
        call()
    return int(counter.get_total_flops()) // 2


def _attention(query: torch.Size, key: torch.Size, value: torch.Size, *_: Any, **__: Any) -> int:
    """Scores, and what they gather."""
    return 2 * prod(query[:-1]) * key[-2] * (query[-1] + value[-1])


def _attention_backward(
    grad: torch.Size, query: torch.Size, key: torch.Size, value: torch.Size, *_: Any, **__: Any
) -> int:
    """Scores again, and gradients by queries and keys; gradients by scores and values."""
    return 2 * prod(query[:-1]) * key[-2] * (3 * query[-1] + 2 * value[-1])


def _grid_sample(maps: torch.Size, grid: torch.Size, *_: Any, **__: Any) -> int:
    """Per corner: its bilinear weight, and that times C channels, added up."""
    return 2 * CORNERS * prod(grid[:-1]) * (maps[1] + 1)


def _grid_sample_backward(
    grad: torch.Size,
    maps: torch.Size,
    grid: torch.Size,
    mode: int,
    padding: int,
    align_corners: bool,
    needed: Sequence[bool],
    **_: Any,
) -> int:
    """Per corner: C for the gradient by the maps and its weight; C and two for that by x and y."""
    by_maps, by_grid = needed
    return 2 * CORNERS * prod(grid[:-1]) * (by_maps * (maps[1] + 1) + by_grid * (maps[1] + 2))


def _convolution_backward(
    grad: torch.Size,
    x: torch.Size,
    weight: torch.Size,
    bias: Sequence[int] | None,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
    needed: Sequence[bool],
    **_: Any,
) -> int:
    """Every weight meets every position once for the gradient by the input, and once for that by the weight."""
    by_x, by_weight, _by_bias = needed
    positions = prod((x if transposed else grad)[2:])
    return 2 * x[0] * positions * prod(weight) * (by_x + by_weight)


_FORMULAS: Mapping[Any, Formula] = {
    aten.convolution_backward: _convolution_backward,
    aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward,
    aten.grid_sampler_2d: _grid_sample,
    aten.grid_sampler_2d_backward: _grid_sample_backward,
}
