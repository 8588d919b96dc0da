"""The round whose model a client leaves with."""

from __future__ import annotations

from collections.abc import Mapping

from fedmtl.reporting.curve import Curve
from fedmtl.tasks.rank import Rank, rank


def rank_at(curves: Mapping[str, Curve], number: int) -> Rank:
    """The rank of a client's model after a round.

    Args:
        curves: task → its primary metric on validation data.
    """
    metrics = {task: curve.values.get(number) for task, curve in curves.items()}
    return rank(metrics, {task: curve.higher_is_better for task, curve in curves.items()})


def best_round(curves: Mapping[str, Curve]) -> int | None:
    """The round with the greatest `rank_at`, the earliest of equals; None where nothing could be measured.

    It is the round whose model the client leaves with.
    """
    rounds = sorted({number for curve in curves.values() for number in curve.values})
    ranks = {number: found for number in rounds if (found := rank_at(curves, number)).measured}
    return max(ranks, key=lambda number: (ranks[number], -number), default=None)
