"""How the cost of the whole inter-task block grows with the number of tasks, with and without a sampling budget.

The block (projections, gates, sampling, feed-forward), forward and backward, on a CPU with two threads, in
float32, batch 1, 28×28 maps. Every position of every task's map is a query.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fedmtl.config import AttentionConfig
from fedmtl.models.attention import DeformableAttention
from fedmtl.models.cost import multiply_adds
from simulations.benchmarks.cores import CHANNELS, HEADS, POINTS, Shape
from simulations.benchmarks.settings import refuse_settings
from simulations.benchmarks.timing import interleaved_medians, threads

TASKS = (2, 4, 8, 16)
SIZE = (28, 28)
TOP_K = (2, 0)
THREADS = 2


def run(
    overrides: Sequence[str] = (),
    *,
    tasks: Sequence[int] = TASKS,
    size: tuple[int, int] = SIZE,
    repeats: int = 5,
    seconds: float = 20,
) -> list[dict[str, Any]]:
    """Rows of medians: top_k (0: every source), tasks, height, width, queries, milliseconds, gmac, exponent.

    `exponent` is that of the number of queries, fitted to the times of all numbers of tasks with this `top_k`.

    Args:
        tasks: numbers of them.
        size: (height, width) of the maps.
        repeats: at least so many times each.
        seconds: and so long for each `top_k`.

    Raises:
        ConfigError: there are overrides.
    """
    refuse_settings("attention-scaling", overrides)
    shapes = [Shape(count, *size) for count in tasks]
    rows = []
    with threads(THREADS):
        for top_k in TOP_K:
            calls = {str(shape.tasks): forward_backward(shape, top_k) for shape in shapes}
            counts = {name: multiply_adds(call) for name, call in calls.items()}
            medians = interleaved_medians(calls, repeats=repeats, seconds=seconds)
            slope = exponent([shape.queries for shape in shapes], list(medians.values()))
            rows += [
                {
                    "top_k": top_k,
                    **shape._asdict(),
                    "queries": shape.queries,
                    "milliseconds": medians[str(shape.tasks)],
                    "gmac": counts[str(shape.tasks)] / 1e9,
                    "exponent": slope,
                }
                for shape in shapes
            ]
    return rows


def exponent(sizes: Sequence[float], times: Sequence[float]) -> float:
    """The a of time = c · sizeᵃ, by least squares on logarithms."""
    slope, _ = np.polyfit(np.log(sizes), np.log(times), 1)
    return float(slope)


def forward_backward(shape: Shape, top_k: int, backend: str = "auto") -> Callable[[], list[Tensor | None]]:
    """A training pass through a block whose queries look about as those of a trained one do.

    It returns the gradients by every map and parameter; None for gates where there is nothing to choose.
    """
    names = [f"task-{index:02}" for index in range(shape.tasks)]
    config = AttentionConfig(channels=CHANNELS, heads=HEADS, points=POINTS, top_k=min(top_k, shape.tasks))
    block = DeformableAttention(config, names, seed=0).train()
    block.backend = backend
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        # Untrained, every query looks at pixel centres, alike, and nothing comes out.
        for parameter in block.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=generator))
    size = (1, CHANNELS, shape.height, shape.width)
    maps = {name: torch.randn(size, generator=generator).requires_grad_() for name in names}
    grads = [torch.randn(size, generator=generator) for _ in names]
    inputs = [*maps.values(), *block.parameters()]

    def call() -> list[Tensor | None]:
        for x in inputs:
            x.grad = None
        attended = block(maps, names)
        pairs = zip(attended.maps.values(), grads, strict=True)
        loss = attended.auxiliary + torch.stack([(out * grad).sum() for out, grad in pairs]).sum()
        loss.backward()
        return [x.grad for x in inputs]

    return call
