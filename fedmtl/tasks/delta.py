"""Δ_MTL (Maninis et al., "Attentive Single-Tasking of Multiple Tasks", 2019)."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan


def delta_mtl(
    metrics: Mapping[str, float], baseline: Mapping[str, float], higher_is_better: Mapping[str, bool]
) -> float:
    """The mean relative gain over a baseline in percent: 100/T · Σ_t (−1)^{l_t} (M_t − S_t) / S_t.

    l_t is 1 where a lower metric is better, so a gain is positive for every task.

    Args:
        metrics: task → its primary metric M_t; at least one.
        baseline: task → S_t of, for example, single-task or local training, for the same tasks.
        higher_is_better: task → what its kind says.

    Returns:
        Percent; NaN where a metric is NaN or a baseline is 0, to which nothing is relative.

    Raises:
        ValueError: `metrics` and `baseline` are not of the same tasks, or of none.
    """
    if not metrics or metrics.keys() != baseline.keys():
        raise ValueError(
            f"metrics of {sorted(metrics)} cannot be compared with a baseline of {sorted(baseline)}"
        )
    gains = [
        (value - baseline[task]) / baseline[task] * (1 if higher_is_better[task] else -1)
        if baseline[task]
        else nan
        for task, value in metrics.items()
    ]
    return 100 * sum(gains) / len(gains)
