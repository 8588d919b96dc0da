"""Deformable sampling: the core of multi-scale deformable attention (Zhu et al. 2021), with tasks for levels.

Several cores compute it, equal to one another up to rounding; `plain` runs everywhere.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from fedmtl.errors import ModelError, did_you_mean
from fedmtl.models.attention.operator import Core, Kernels, make_operator
from fedmtl.models.attention.plain import plain_sample


class Backend(NamedTuple):
    """A core, and the type of the devices that it runs on; None: all."""

    core: Core
    device: str | None


@cache
def _numba() -> Kernels:
    from fedmtl.models.attention import compiled

    return compiled


@cache
def _triton() -> Kernels:
    try:
        from fedmtl.models.attention import cuda
    except ImportError as error:
        raise ModelError(
            f"the sampling backend 'triton' cannot be loaded ({error}): install the package triton, "
            "or ask for backend 'plain'"
        ) from error
    return cuda


# `auto` takes the first that runs on the tensors' device.
BACKENDS = {
    "numba": Backend(make_operator("sample_numba", _numba), "cpu"),
    "triton": Backend(make_operator("sample_triton", _triton), "cuda"),
    "plain": Backend(plain_sample, None),
}


def deformable_sample(
    value: Tensor, locations: Tensor, weights: Tensor, sources: Tensor | None = None, backend: str = "auto"
) -> Tensor:
    """Σ over k, p of `weights` × the bilinear sample of the source task's map at `locations`.

    Args:
        value: (B, T, H, W, M, D); T source tasks, M heads, D channels a head.
        locations: (B, Q, M, K, P, 2); (x, y) in [0, 1], pixel centres at (i + 0.5)/size, zero outside. Keep
            them in float32: in half precision they lose pixels.
        weights: (B, Q, M, K, P).
        sources: (B, Q, K) int64 in [0, T), the source task of each k; None: K = T, every source in order. One
            outside that range is refused by `numba`; `triton` reads zeros, as looking would cost a wait.
        backend: a core's name; `auto` takes the fastest on the tensors' device. A core that fails raises: no
            other takes over.

    Returns:
        (B, Q, M·D), in `value`'s dtype. Under `torch.use_deterministic_algorithms` its gradients have the same
        bits every time.

    Raises:
        ModelError: shapes, dtypes or devices do not fit together, a source is no task, there is no such
            backend, it does not run on this device, or what it needs is not installed.
    """
    _check(value, locations, weights, sources)
    return _choose(backend, value.device)(value, locations, weights, sources)


def _choose(name: str, device: torch.device) -> Core:
    if name == "auto" and torch.compiler.is_exporting():
        return plain_sample  # a graph of PyTorch's own operators needs no fedmtl where it is run
    if name == "auto":
        return next(core for core, runs_on in BACKENDS.values() if runs_on in (device.type, None))
    if name not in BACKENDS:
        raise ModelError(f"unknown sampling backend '{name}': {did_you_mean(name, ['auto', *BACKENDS])}")
    core, runs_on = BACKENDS[name]
    if runs_on not in (device.type, None):
        raise ModelError(
            f"the sampling backend '{name}' runs on {runs_on}, not on {device.type}: "
            "move the tensors, or leave the choice to backend 'auto'"
        )
    return core


def _check(value: Tensor, locations: Tensor, weights: Tensor, sources: Tensor | None) -> None:
    if value.ndim != 6 or locations.ndim != 6:
        raise ModelError("deformable_sample takes value (B, T, H, W, M, D) and locations (B, Q, M, K, P, 2)")
    batch, tasks, _, _, heads, _ = value.shape
    _, queries, _, slots, points, _ = locations.shape
    expected = {
        "locations": (locations, (batch, queries, heads, slots, points, 2)),
        "weights": (weights, (batch, queries, heads, slots, points)),
    }
    if sources is None:
        expected["locations"] = (locations, (batch, queries, heads, tasks, points, 2))
    else:
        expected["sources"] = (sources, (batch, queries, slots))
        if sources.dtype != torch.int64:
            raise ModelError(f"deformable_sample: sources should be int64, not {sources.dtype}")
    for name, (tensor, shape) in expected.items():
        if tuple(tensor.shape) != shape:
            raise ModelError(f"deformable_sample: {name} should be {shape}, not {tuple(tensor.shape)}")
        if tensor.device != value.device:
            raise ModelError(
                f"deformable_sample: {name} should be on {value.device} like value, not on {tensor.device}"
            )
