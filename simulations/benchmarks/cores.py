"""What gathers values across tasks, each on the same work: every position of every task's map is a query.

The core alone, without projections: queries, keys and values, or values, locations and weights are given.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Any, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from fedmtl.config import AttentionConfig
from fedmtl.models.attention import deformable_sample
from fedmtl.models.attention.deformable import pixel_centres
from fedmtl.models.attention.flops import sampling_backward_flops, sampling_flops
from fedmtl.models.cost import Formula

CHANNELS, HEADS, POINTS = 256, 8, 4
POOL = AttentionConfig().pool

PASSES = ("forward", "forward_backward")


class Shape(NamedTuple):
    """Maps of so many tasks, of one image."""

    tasks: int
    height: int
    width: int

    @property
    def queries(self) -> int:
        """Every position of every map."""
        return self.tasks * self.height * self.width


@dataclass(frozen=True)
class Core:
    """One implementation and its inputs.

    Attributes:
        gather: (*inputs) → (1, Q, C), or (1, M, Q, D) with heads apart.
        formulas: FLOPs of its own operators.
    """

    gather: Callable[..., Tensor]
    inputs: tuple[Tensor, ...]
    formulas: Mapping[Any, Formula]

    def passes(self) -> dict[str, Callable[[], object]]:
        """`PASSES` → a call of it, on inputs that need gradients where it has a backward pass."""
        leaves = [x.clone().requires_grad_() for x in self.inputs]
        with torch.no_grad():
            grad = torch.randn_like(self.gather(*self.inputs))

        def forward() -> Tensor:
            with torch.no_grad():
                return self.gather(*self.inputs)

        def forward_backward() -> tuple[Tensor, tuple[Tensor, ...]]:
            out = self.gather(*leaves)
            return out.detach(), torch.autograd.grad(out, leaves, grad)

        return dict(zip(PASSES, (forward, forward_backward), strict=True))


def cores() -> dict[str, Callable[[Shape], Core]]:
    """Name → what makes it for a shape; torch-ms-deform-attn only where it is installed."""
    known: dict[str, Callable[[Shape], Core]] = {
        "fedmtl": partial(_sampling, backend="auto"),
        "plain": partial(_sampling, backend="plain"),
        "sdpa": _sdpa,
        "pooled": _pooled,
    }
    if find_spec("torch_ms_deform_attn"):
        known["torch-ms-deform-attn"] = _ms_deform_attn
    return known


def _sampling(shape: Shape, backend: str) -> Core:
    return Core(partial(deformable_sample, backend=backend), sampling_inputs(shape), {})


def _sdpa(shape: Shape) -> Core:
    generator = torch.Generator().manual_seed(0)
    size = (1, HEADS, shape.queries, CHANNELS // HEADS)
    query, key, value = (torch.randn(size, generator=generator) for _ in range(3))
    return Core(F.scaled_dot_product_attention, (query, key, value), {})


def _pooled(shape: Shape) -> Core:
    """Keys and values are maps (T, C, H, W), average-pooled first, as in InvPT (Ye and Xu 2022)."""
    generator = torch.Generator().manual_seed(0)
    query = torch.randn(1, HEADS, shape.queries, CHANNELS // HEADS, generator=generator)
    size = (shape.tasks, CHANNELS, shape.height, shape.width)
    keys, values = (torch.randn(size, generator=generator) for _ in range(2))

    def heads(maps: Tensor) -> Tensor:
        """(T, C, H, W) → (1, M, T·⌈H/pool⌉·⌈W/pool⌉, D)."""
        pooled = F.avg_pool2d(maps, POOL, ceil_mode=True, count_include_pad=False)
        by_head = pooled.reshape(shape.tasks, 1, HEADS, CHANNELS // HEADS, -1)
        return by_head.permute(1, 2, 0, 4, 3).flatten(2, 3)

    def gather(query: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(query, heads(keys), heads(values))

    return Core(gather, (query, keys, values), {})


def _ms_deform_attn(shape: Shape) -> Core:
    """Tasks are its levels."""
    from torch_ms_deform_attn import ms_deform_attn

    value, locations, weights = sampling_inputs(shape)
    sizes = torch.tensor([(shape.height, shape.width)] * shape.tasks)
    starts = torch.arange(shape.tasks) * shape.height * shape.width

    def gather(value: Tensor, locations: Tensor, weights: Tensor) -> Tensor:
        return cast(Tensor, ms_deform_attn(value.flatten(1, 3), sizes, starts, locations, weights))

    ops = torch.ops.torch_ms_deform_attn
    formulas: dict[Any, Formula] = {
        ops.forward: lambda value, sizes, starts, at, weights, *_, **__: sampling_flops(weights, value[-1]),
        ops.backward: lambda value, sizes, starts, at, weights, *_, **__: sampling_backward_flops(
            weights, value[-1]
        ),
    }
    return Core(gather, (value, locations, weights), formulas)


def sampling_inputs(shape: Shape) -> tuple[Tensor, Tensor, Tensor]:
    """Value, locations and weights of `deformable_sample` as they are in training.

    A query looks around its own position: head m in direction 2πm/M at 1 … P pixels, give or take a pixel.
    """
    tasks, height, width = shape
    generator = torch.Generator().manual_seed(0)
    value = torch.randn(1, tasks, height, width, HEADS, CHANNELS // HEADS, generator=generator)
    angles = 2 * math.pi * torch.arange(HEADS) / HEADS
    ring = torch.stack((angles.cos(), angles.sin()), dim=-1)[:, None] * torch.arange(1, POINTS + 1)[:, None]
    noise = torch.randn(1, shape.queries, HEADS, tasks, POINTS, 2, generator=generator)
    pixels = ring[:, None] + noise  # (1, Q, M, T, P, 2)
    own = pixel_centres(height, width, value.device).repeat(tasks, 1)[:, None, None, None]
    locations = own + pixels / torch.tensor((width, height))
    logits = torch.randn(1, shape.queries, HEADS, tasks * POINTS, generator=generator)
    return value, locations, logits.softmax(dim=-1).view(locations.shape[:-1])
