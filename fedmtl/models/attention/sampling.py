"""Deformable sampling: the core of multi-scale deformable attention (Zhu et al. 2021), with tasks for levels.

A core computes it; each is equal to the others up to rounding. `plain` runs everywhere.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from fedmtl.errors import ModelError, did_you_mean
from fedmtl.models.attention.plain import plain_sample

Core = Callable[[Tensor, Tensor, Tensor, Tensor | None], Tensor]

BACKENDS: dict[str, Core] = {"plain": plain_sample}


def deformable_sample(
    value: Tensor, locations: Tensor, weights: Tensor, sources: Tensor | None = None, backend: str = "auto"
) -> Tensor:
    """Σ over k, p of `weights` × the bilinear sample of the source task's map at `locations`.

    Args:
        value: (B, T, H, W, M, D); T source tasks, M heads, D channels a head.
        locations: (B, Q, M, K, P, 2); (x, y) in [0, 1], pixel centres at (i + 0.5)/size, zero outside. Keep
            them in float32: in half precision they lose pixels.
        weights: (B, Q, M, K, P).
        sources: (B, Q, K) int64 in [0, T), the source task of each k; None: K = T, every source in order.
        backend: a core's name; `auto` takes the fastest that runs here.

    Returns:
        (B, Q, M·D), in `value`'s dtype.

    Raises:
        ModelError: the shapes do not fit together, or there is no such backend.
    """
    _check(value, locations, weights, sources)
    core = BACKENDS.get("plain" if backend == "auto" else backend)
    if core is None:
        raise ModelError(
            f"unknown sampling backend '{backend}': {did_you_mean(backend, ['auto', *BACKENDS])}"
        )
    return core(value, locations, weights, sources)


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
    for name, (tensor, shape) in expected.items():
        if tuple(tensor.shape) != shape:
            raise ModelError(f"deformable_sample: {name} should be {shape}, not {tuple(tensor.shape)}")
