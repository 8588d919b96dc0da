"""Which of several models is the best for a client that has several tasks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple


class Rank(NamedTuple):
    """How good a model is; of models that were measured on the same images the best has the greatest.

    Attributes:
        measured: the tasks that could be measured.
        at_zero: of those with a metric of 0, how many are best so less how many are worst so.
        mean_log: the sum over the other tasks of log M, negative where a lower M is better, over `measured`.
    """

    measured: int
    at_zero: int
    mean_log: float


def rank(metrics: Mapping[str, float | None], higher_is_better: Mapping[str, bool]) -> Rank:
    """The rank of a model by 1/T · Σ_t (−1)^{l_t} log M_t, where l_t is 1 if a lower metric is better.

    So of two models the better one has the better metrics in the geometric mean. Relative changes count, as in Δ_MTL;
    but a rank is of one model alone, so the best of many is the same in whatever order they are compared.

    A model of which more tasks could be measured is better. A metric of 0 counts as smaller than every other one,
    whatever the other tasks say.

    Args:
        metrics: task → its primary metric, 0 or more; not finite, None or absent where it could not be measured.
        higher_is_better: task → what its kind says; tasks that are not here do not count.
    """
    values = {task: value for task in higher_is_better if (value := metrics.get(task)) is not None}
    measured = {task: value for task, value in values.items() if math.isfinite(value)}
    signs = {task: 1 if higher_is_better[task] else -1 for task in measured}
    # fsum rounds once, so the order of the tasks changes nothing.
    logs = math.fsum(signs[task] * math.log(value) for task, value in measured.items() if value > 0)
    at_zero = sum(-signs[task] for task, value in measured.items() if value <= 0)
    return Rank(len(measured), at_zero, logs / max(len(measured), 1))
