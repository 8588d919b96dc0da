"""What sums of statistics are called under secure sums; groups have no colon in their names."""

from __future__ import annotations

LOSS_SIZE = 2
"""Of a task in a round of training: the losses of its images, added up, and how many they are."""


def loss_name(task: str) -> str:
    """What the sum of a task's training losses is called: `loss:depth`."""
    return f"loss:{task}"


def metrics_name(split: str, task: str) -> str:
    """What the sum of a task's statistics on a split is called: `val:depth`."""
    return f"{split}:{task}"


def is_statistic(name: str) -> bool:
    """Whether a sum is one of these, and not one of updates."""
    return ":" in name
