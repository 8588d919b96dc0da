"""Our gradient as a torch operator, so that autograd, `torch.compile` and FLOP counters see it as PyTorch's own."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

Pair = Sequence[int]
"""Of height and width."""

_NAME = "depthwise_weight_gradient"
_LIBRARY = torch.library.Library("fedmtl", "FRAGMENT")  # type: ignore[no-untyped-call]


def convolve_by_torch(x: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, padding: Pair) -> Tensor:
    """A depthwise convolution: `x` (B, C, H, W) with `weight` (C, 1, h, w) and `bias` (C,) → (B, C, H', W')."""
    return F.conv2d(x, weight, bias, stride, padding, groups=len(weight))


def convolve(x: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, padding: Pair) -> Tensor:
    """The same, bit for bit; on a CPU, in float32 or float64, its gradient by the weight is ours.

    It can be differentiated as often as torch's.
    """
    out: Tensor = _Convolution.apply(x, weight, bias, stride, padding)
    return out


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, padding: Pair
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        return convolve_by_torch(x, weight, bias, stride, padding)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        by_x, by_weight, by_bias, _, _ = ctx.needs_input_grad
        return (
            _input_gradient(grad, x, weight, ctx.stride, ctx.padding) if by_x else None,
            weight_gradient(x, grad, weight.shape[2:], ctx.stride, ctx.padding) if by_weight else None,
            # Asked of torch, it would bring torch's gradient by the weight along.
            grad.sum((0, 2, 3)) if by_bias else None,
            None,
            None,
        )


def _input_gradient(grad: Tensor, x: Tensor, weight: Tensor, stride: Pair, padding: Pair) -> Tensor:
    only_x = (True, False, False)
    by_x: Tensor = torch.ops.aten.convolution_backward(
        grad, x, weight, None, stride, padding, (1, 1), False, (0, 0), len(weight), only_x
    )[0]
    return by_x


def _run(x: Tensor, grad: Tensor, size: Pair, stride: Pair, padding: Pair) -> Tensor:
    from fedmtl.models.depthwise import kernel  # importing a compiler takes its time

    return kernel.weight_gradient(x, grad, size, stride, padding)


def _fake(x: Tensor, grad: Tensor, size: Pair, stride: Pair, padding: Pair) -> Tensor:
    return x.new_empty(x.shape[1], 1, *size)


def _save(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, grad, _, ctx.stride, ctx.padding = inputs
    ctx.save_for_backward(x, grad)


def _differentiate(ctx: Any, by: Tensor) -> tuple[Tensor | None, ...]:
    # It is linear in x and in grad, and so is the convolution with `by` for its weight.
    x, grad = ctx.saved_tensors
    by_x = _input_gradient(grad, x, by, ctx.stride, ctx.padding)
    return by_x, convolve_by_torch(x, by, None, ctx.stride, ctx.padding), None, None, None


def _flops(x: torch.Size, grad: torch.Size, size: Pair, *_: Any, **__: Any) -> int:
    return 2 * prod(grad) * prod(size)


_LIBRARY.define(  # type: ignore[no-untyped-call]
    f"{_NAME}(Tensor x, Tensor grad, SymInt[2] size, SymInt[2] stride, SymInt[2] padding) -> Tensor",
    tags=(torch.Tag.pt2_compliant_tag,),
)
_LIBRARY.impl(_NAME, _run, "CPU")  # type: ignore[no-untyped-call]
torch.library.register_fake(f"fedmtl::{_NAME}", _fake, lib=_LIBRARY)
torch.library.register_autograd(f"fedmtl::{_NAME}", _differentiate, setup_context=_save, lib=_LIBRARY)
register_flop_formula(torch.ops.fedmtl.depthwise_weight_gradient)(_flops)

weight_gradient = torch.ops.fedmtl.depthwise_weight_gradient.default
"""See `kernel.weight_gradient`, which computes it."""
