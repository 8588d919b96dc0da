"""What can be said of a task without looking at the image: the floor under every model of it."""

from __future__ import annotations

import torch
from torch import Tensor

from fedmtl.tasks import Task

STEPS = 100
"""Of L-BFGS over a handful of numbers; it stops by itself long before."""


def best_constant(task: Task, targets: Tensor) -> Tensor:
    """The output, the same for every image and pixel, that has the least loss.

    In each kind's own terms: the median depth, the most frequent class, the share of edges.

    Args:
        targets: of all images at once, (B, …) as `task.loss` takes them.

    Returns:
        (channels,) float32.
    """
    constant = torch.zeros(task.channels, requires_grad=True)
    optimizer = torch.optim.LBFGS([constant], max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> float:
        optimizer.zero_grad()
        value = task.loss(everywhere(constant, task, targets), targets)
        value.backward()  # type: ignore[no-untyped-call]
        return value.item()

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return constant.detach()


def everywhere(constant: Tensor, task: Task, targets: Tensor) -> Tensor:
    """The output (B, channels, H, W), or (B, channels) of an image-level task, that is `constant` (channels,)."""
    if not task.dense:
        return constant.expand(len(targets), -1)
    return constant[:, None, None].expand(len(targets), -1, *targets.shape[-2:])
