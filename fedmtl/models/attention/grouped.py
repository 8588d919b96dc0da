"""A linear map of each query's chosen sources only, as experts are dispatched (Shazeer et al. 2017)."""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor


def grouped_linear(x: Tensor, sources: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """`weight[s] @ x + bias[s]` for every source s of every row of x: one matrix product a source.

    Rows are gathered, multiplied and scattered source by source, so that K copies of x never exist at once, and
    no sum meets one row twice: forward and backward are equal bit for bit from run to run.

    Args:
        x: (N, C).
        sources: (N, K) int64 in [0, T); a row's are distinct.
        weight: (T, O, C).
        bias: (T, O).

    Returns:
        (N, K, O), in the dtype that autocast gives a linear map.
    """
    if torch.compiler.is_exporting():
        # How many rows chose a source would be a shape that depends on data: no graph holds that.
        everything = F.linear(x, weight.flatten(0, 1), bias.flatten()).view(-1, *bias.shape)
        return everything.gather(1, sources[..., None].expand(-1, -1, bias.shape[1]))
    if torch.is_autocast_enabled(x.device.type):
        dtype = torch.get_autocast_dtype(x.device.type)
        x, weight, bias = x.to(dtype), weight.to(dtype), bias.to(dtype)
    return cast(Tensor, _GroupedLinear.apply(x, sources, weight, bias))


class _GroupedLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, sources: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        order = sources.flatten().argsort(stable=True)  # of the N·K pairs of a row and its source, by source
        counts = sources.flatten().bincount(minlength=len(weight)).tolist()
        ctx.save_for_backward(x, weight, order)
        ctx.counts, ctx.slots = counts, sources.shape[1]
        out = x.new_empty(sources.numel(), weight.shape[1])
        for w, b, pairs in zip(weight, bias, torch.split(order, counts), strict=True):
            out.index_copy_(0, pairs, torch.addmm(b, x.index_select(0, pairs // ctx.slots), w.t()))
        return out.view(*sources.shape, -1)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, Tensor, Tensor]:
        x, weight, order = ctx.saved_tensors
        grad = grad.flatten(0, 1)
        grad_x, grad_weight = torch.zeros_like(x), torch.empty_like(weight)
        grad_bias = weight.new_empty(weight.shape[:2])
        for s, pairs in enumerate(torch.split(order, ctx.counts)):
            rows, g = pairs // ctx.slots, grad.index_select(0, pairs)
            torch.mm(g.t(), x.index_select(0, rows), out=grad_weight[s])
            torch.sum(g, dim=0, out=grad_bias[s])
            grad_x.index_add_(0, rows, g @ weight[s])
        return grad_x, None, grad_weight, grad_bias
