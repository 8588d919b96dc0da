"""Cores as torch operators, so that autograd, `torch.compile` and FLOP counters see them as PyTorch's own."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any, Protocol

import torch
from torch import Tensor

from fedmtl.errors import ModelError
from fedmtl.models.attention.flops import register_sampling_flops

Core = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]
Gradients = tuple[Tensor, Tensor, Tensor]

# A custom_op would say the same in fewer words; it costs 10 µs more for each forward and backward.
_LIBRARY = torch.library.Library("fedmtl", "FRAGMENT")  # type: ignore[no-untyped-call]


class Kernels(Protocol):
    """A module that computes `deformable_sample` (which gives the shapes) and its gradients.

    Tensors arrive contiguous; locations and weights in one dtype, float32 or float64, to accumulate in; value
    and grad in any floating dtype up to that. What is returned is contiguous; its dtype is free.
    """

    def forward(self, value: Tensor, locations: Tensor, weights: Tensor, sources: Tensor | None) -> Tensor:
        """The result, (B, Q, M·D)."""

    def backward(
        self, grad: Tensor, value: Tensor, locations: Tensor, weights: Tensor, sources: Tensor | None
    ) -> Gradients:
        """The gradients by value, locations and weights, given the result's, `grad`."""


def make_operator(name: str, load: Callable[[], Kernels]) -> Core:
    """Registers `torch.ops.fedmtl.<name>` and `<name>_backward`; returns the first.

    Inputs may have any strides. The result has `value`'s dtype, every gradient its input's. It can be
    differentiated once.

    Args:
        name: what to call it; new in this process.
        load: gives the kernels. Called when they run, not before: importing a compiler takes its time, and not
            every machine has each.
    """
    inputs = "Tensor value, Tensor locations, Tensor weights, Tensor? sources"
    gradients = "(Tensor, Tensor, Tensor)"
    forward: Core = _define(name, f"({inputs}) -> Tensor", _forward(load), _fake_forward)
    backward = _define(
        f"{name}_backward", f"(Tensor grad, {inputs}) -> {gradients}", _backward(load), _fake_backward
    )

    def differentiate(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return (*backward(grad, *ctx.saved_tensors), None)

    torch.library.register_autograd(f"fedmtl::{name}", differentiate, setup_context=_save, lib=_LIBRARY)
    torch.library.register_autograd(f"fedmtl::{name}_backward", _refuse, lib=_LIBRARY)
    register_sampling_flops(name)
    return forward


def _define(name: str, schema: str, run: Callable[..., object], fake: Callable[..., object]) -> Any:
    _LIBRARY.define(name + schema, tags=(torch.Tag.pt2_compliant_tag,))  # type: ignore[no-untyped-call]
    _LIBRARY.impl(name, run, "CompositeExplicitAutograd")  # type: ignore[no-untyped-call]
    torch.library.register_fake(f"fedmtl::{name}", fake, lib=_LIBRARY)
    return getattr(torch.ops.fedmtl, name).default


def _forward(load: Callable[[], Kernels]) -> Core:
    def run(value: Tensor, locations: Tensor, weights: Tensor, sources: Tensor | None) -> Tensor:
        out = load().forward(*_prepare(value, locations, weights, sources))
        return out.to(value.dtype)

    return run


def _backward(load: Callable[[], Kernels]) -> Callable[..., Gradients]:
    def run(
        grad: Tensor, value: Tensor, locations: Tensor, weights: Tensor, sources: Tensor | None
    ) -> Gradients:
        prepared = _prepare(value, locations, weights, sources)
        by_value, by_locations, by_weights = load().backward(grad.contiguous(), *prepared)
        return by_value.to(value.dtype), by_locations.to(locations.dtype), by_weights.to(weights.dtype)

    return run


def _prepare(
    value: Tensor, locations: Tensor, weights: Tensor, sources: Tensor | None
) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
    """The inputs as `Kernels` are promised them."""
    dtype = reduce(torch.promote_types, (value.dtype, locations.dtype, weights.dtype), torch.float32)
    if sources is not None:
        sources = sources.contiguous()
        _check_range(sources, value.shape[1])
    return (
        value.contiguous(),
        locations.to(dtype).contiguous(),
        weights.to(dtype).contiguous(),
        sources,
    )


def _check_range(sources: Tensor, tasks: int) -> None:
    # On a GPU the answer would have to be waited for.
    if sources.device.type == "cpu" and sources.numel():
        low, high = (int(bound) for bound in sources.aminmax())
        if low < 0 or high >= tasks:
            raise ModelError(f"deformable_sample: sources from {low} to {high}, but there are {tasks} tasks")


def _fake_forward(value: Tensor, locations: Tensor, weights: Tensor, sources: Tensor | None) -> Tensor:
    heads, channels = value.shape[-2:]
    return value.new_empty(value.shape[0], locations.shape[1], heads * channels)


def _fake_backward(
    grad: Tensor, value: Tensor, locations: Tensor, weights: Tensor, sources: Tensor | None
) -> Gradients:
    return (
        value.new_empty(value.shape),
        locations.new_empty(locations.shape),
        weights.new_empty(weights.shape),
    )


def _save(ctx: Any, inputs: tuple[Tensor | None, ...], output: Tensor) -> None:
    ctx.save_for_backward(*inputs)


def _refuse(ctx: Any, *grads: Tensor) -> None:
    raise ModelError("deformable_sample can be differentiated once; backend='plain' can be oftener")
