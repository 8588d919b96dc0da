"""`deformable_sample` on a CPU: fused loops over the points, on as many threads as torch uses."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from fedmtl.models.attention.kernels import Extent, Shape, make_backward, make_forward, sort_by_source
from fedmtl.models.attention.threads import share_out


def forward(value: Tensor, locations: Tensor, weights: Tensor, sources: Tensor | None) -> Tensor:
    """See `operator.Kernels`. Each thread needs a copy of one head's maps beside the result."""
    value = value.to(weights.dtype)
    shape = _shape(value, weights)
    batch, (tasks, height, width, heads, queries, _, _), channels = len(value), shape, value.shape[-1]
    out = weights.new_empty(batch, queries, heads * channels)
    chosen = _every_source(value, weights) if sources is None else sources
    arrays = [_flat(tensor) for tensor in (value, locations, weights, chosen, out)]
    kernel, extent = make_forward(channels), _extent(value)

    def work(units: Sequence[tuple[int, int, tuple[int, int]]]) -> None:
        maps = _flat(value.new_empty(tasks * height * width * channels))
        for sample, head, some_queries in units:
            kernel(*arrays, maps, shape, extent, sample, head, some_queries)

    # Queries are divided only where there are fewer heads than threads: each part copies the maps anew.
    parts = -(-torch.get_num_threads() // max(batch * heads, 1))
    edges = [queries * part // parts for part in range(parts + 1)]
    share_out(list(product(range(batch), range(heads), pairwise(edges))), work)
    return out


def backward(
    grad: Tensor, value: Tensor, locations: Tensor, weights: Tensor, sources: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """See `operator.Kernels`. Each thread needs two copies of one head's map of one source."""
    value, grad = value.to(weights.dtype), grad.to(weights.dtype)
    shape = _shape(value, weights)
    batch, (tasks, height, width, heads, _, _, _), channels = len(value), shape, value.shape[-1]
    gradients = torch.empty_like(value), torch.empty_like(locations), torch.empty_like(weights)
    arrays = [_flat(tensor) for tensor in (grad, value, locations, weights, *gradients)]
    chosen = _every_source(value, weights) if sources is None else sources
    by_source = chosen.flatten(1).numpy()
    entries, ends = np.empty_like(by_source), np.empty((batch, tasks + 1), np.int64)
    sort_by_source(by_source, entries, ends)
    kernel, extent = make_backward(channels), _extent(value)

    def work(units: Sequence[tuple[int, int, int]]) -> None:
        maps = _flat(value.new_empty(2 * height * width * channels))
        for sample, head, task in units:
            looking = entries[sample, ends[sample, task] : ends[sample, task + 1]]
            kernel(*arrays, maps, shape, extent, sample, head, task, looking)

    share_out(list(product(range(batch), range(heads), range(tasks))), work)
    return gradients


def _shape(value: Tensor, weights: Tensor) -> Shape:
    _, tasks, height, width, heads, _ = value.shape
    _, queries, _, slots, points = weights.shape
    return tasks, height, width, heads, queries, slots, points


def _extent(value: Tensor) -> Extent:
    dtype = np.float32 if value.dtype == torch.float32 else np.float64
    return dtype(value.shape[3]), dtype(value.shape[2]), dtype(1)


def _every_source(value: Tensor, weights: Tensor) -> Tensor:
    """(B, Q, T): every source in order."""
    return torch.arange(value.shape[1]).repeat(weights.shape[0], weights.shape[1], 1)


def _flat(tensor: Tensor) -> NDArray[Any]:
    return tensor.view(-1).numpy()
