"""`deformable_sample` on a CPU: fused loops over the points, on as many threads as torch uses."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fedmtl.models.attention.kernels import Shape, make_backward, make_forward, padded, sort_by_source
from fedmtl.threads import share_out


def forward(value: Tensor, locations: Tensor, weights: Tensor, sources: Tensor | None) -> Tensor:
    """See `operator.Kernels`. Each thread needs a copy of one head's maps beside the result."""
    value = value.to(weights.dtype)
    shape = _shape(value, weights)
    batch, (tasks, height, width, heads, queries, _), channels = len(value), shape, value.shape[-1]
    out = weights.new_empty(batch, queries, heads * channels)
    chosen = np.empty(0, np.int64) if sources is None else _flat(sources)
    arrays = _flat(value), _flat(locations), _flat(weights), chosen, _flat(out)
    kernel = make_forward(channels, weights.shape[-1])
    # Queries are divided only where there are fewer heads than threads: each part copies the maps anew.
    parts = -(-torch.get_num_threads() // max(batch * heads, 1))
    maps = value.new_empty(torch.get_num_threads(), tasks * padded(height, width) * channels).numpy()

    def work(thread: int, first: int, last: int) -> None:
        kernel(*arrays, maps[thread], shape, parts, first, last)

    share_out(batch * heads * parts, work)
    return out


def backward(
    grad: Tensor, value: Tensor, locations: Tensor, weights: Tensor, sources: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """See `operator.Kernels`. Each thread needs two copies of one head's map of one source."""
    value, grad = value.to(weights.dtype), grad.to(weights.dtype)
    shape = _shape(value, weights)
    batch, (tasks, height, width, heads, queries, slots), channels = len(value), shape, value.shape[-1]
    gradients = torch.empty_like(value), torch.empty_like(locations), torch.empty_like(weights)
    arrays = [_flat(tensor) for tensor in (grad, value, locations, weights, *gradients)]
    entries, ends = np.empty((0, 0, 2), np.int64), np.empty((batch, tasks + 1), np.int64)
    if sources is not None:
        entries = np.empty((batch, queries * slots, 2), np.int64)
        sort_by_source(sources.numpy(), entries, ends)
    kernel = make_backward(channels, weights.shape[-1])
    maps = value.new_empty(torch.get_num_threads(), 2 * padded(height, width) * channels).numpy()

    def work(thread: int, first: int, last: int) -> None:
        kernel(*arrays, entries, ends, maps[thread], shape, first, last)

    share_out(batch * heads * tasks, work)
    return gradients


def _shape(value: Tensor, weights: Tensor) -> Shape:
    _, tasks, height, width, heads, _ = value.shape
    _, queries, _, slots, _ = weights.shape
    return tasks, height, width, heads, queries, slots


def _flat(tensor: Tensor) -> NDArray[Any]:
    return tensor.view(-1).numpy()
