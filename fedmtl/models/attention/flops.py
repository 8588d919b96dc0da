"""FLOPs of deformable sampling, known to `torch.utils.flop_counter`.

A sample is one point of one query's head in one source, read at four corners of D channels. Per corner there are

- forward, D + 2 multiply-adds: the product of its distances in x and y, which is its bilinear weight; times the
  attention weight; times D channels, added to the result;
- backward, 2D + 5: the same two products; D multiply-adds into the gradient by the value; D for the dot product of
  the corner and the result's gradient; one of that into each gradient by the attention weight, x and y.

A multiply-add is two FLOPs. As everywhere in torch's counter shapes alone decide: a corner outside the map counts,
and what is not multiplied by a channel or a weight (coordinates, comparisons) does not.
"""

from __future__ import annotations

from math import prod
from typing import Any

import torch
from torch.utils.flop_counter import register_flop_formula

CORNERS = 4


def sampling_flops(weights: torch.Size, channels: int) -> int:
    """Of the forward pass, for attention weights (B, Q, M, K, P) and D channels a head."""
    return 2 * CORNERS * prod(weights) * (channels + 2)


def sampling_backward_flops(weights: torch.Size, channels: int) -> int:
    """Of the backward pass, which finds the gradients by value, locations and weights."""
    return 2 * CORNERS * prod(weights) * (2 * channels + 5)


def register_sampling_flops(name: str) -> None:
    """Have torch's counter count the operators `fedmtl::<name>` and `fedmtl::<name>_backward`.

    Their arguments begin with (value, locations, weights) and (grad, value, locations, weights).
    """
    register_flop_formula(getattr(torch.ops.fedmtl, name))(_forward)
    register_flop_formula(getattr(torch.ops.fedmtl, f"{name}_backward"))(_backward)


def _forward(value: torch.Size, locations: torch.Size, weights: torch.Size, *_: Any, **__: Any) -> int:
    return sampling_flops(weights, value[-1])


def _backward(
    grad: torch.Size, value: torch.Size, locations: torch.Size, weights: torch.Size, *_: Any, **__: Any
) -> int:
    return sampling_backward_flops(weights, value[-1])
