"""Whether training alone has stopped improving: a comparison with a baseline that was cut short proves nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

from fedmtl.reporting.curve import Curve
from fedmtl.tasks.delta import delta_mtl

TAIL = 0.75
"""Of the rounds; what comes later is the last quarter."""


def relative_changes(curves: Mapping[str, Curve]) -> dict[int, float]:
    """Round → how much better or worse (+ or −, percent) the tasks of a client were than they are at last.

    The mean over those tasks that have a last value other than 0. A round in which one of them could not be
    measured is left out.

    Args:
        curves: task → its primary metric on validation data.
    """
    last = {task: curve.final.value for task, curve in curves.items() if curve.final and curve.final.value}
    better = {task: curves[task].higher_is_better for task in last}
    changes = {}
    for number in sorted({number for task in last for number in curves[task].values}):
        values = {task: value for task in last if (value := curves[task].values.get(number)) is not None}
        if len(values) == len(last):
            changes[number] = delta_mtl(values, last, better)
    return changes


@dataclass(frozen=True)
class Convergence:
    """A method's way over the rounds.

    Attributes:
        mean: round → the mean of the clients' `relative_changes`, over all seeds.
        clients: client → round → the mean over seeds of its `relative_changes`.
        gain: what the last quarter of the rounds changed, in percent of the last values, + for better.
        error: the standard error of `gain` over clients and seeds.
    """

    mean: Mapping[int, float]
    clients: Mapping[str, Mapping[int, float]]
    gain: float
    error: float

    @property
    def best(self) -> int:
        """The round with the best mean, the earliest of equals."""
        return max(self.mean, key=lambda number: (self.mean[number], -number))

    @property
    def last(self) -> int:
        """The last round that was measured."""
        return max(self.mean)

    @property
    def stopped(self) -> bool:
        """Whether an earlier round was best, or what the last quarter gained is within its standard error."""
        return self.best < self.last or self.gain <= self.error

    @property
    def verdict(self) -> str:
        """The same as the rest of a sentence that begins with the method's name."""
        if self.best < self.last:
            return (
                f"has stopped improving on validation: its mean was best in round {self.best} of {self.last}"
            )
        latest = (
            f"the last quarter of its {self.last} rounds changed it by {self.gain:+.1f} ± {self.error:.1f} %"
        )
        if self.stopped:
            return f"has stopped improving on validation: {latest}"
        return f"still improves on validation: {latest}; give it more rounds"


def convergence(curves: Mapping[tuple[int, str], Mapping[str, Curve]]) -> Convergence | None:
    """How a method converges; None where there are fewer than two rounds that every client was measured in.

    Args:
        curves: (seed, client) → task → its primary metric on validation data.
    """
    changes = {run: each for run, of_tasks in curves.items() if (each := relative_changes(of_tasks))}
    rounds = sorted(set.intersection(*map(set, changes.values()))) if changes else []
    if len(rounds) < 2:
        return None
    last = rounds[-1]
    before = max((number for number in rounds[:-1] if number <= TAIL * last), default=rounds[0])
    gains = [each[last] - each[before] for each in changes.values()]
    return Convergence(
        _mean(changes.values(), rounds),
        {
            client: _mean([each for (_, whose), each in changes.items() if whose == client], rounds)
            for client in sorted({client for _, client in changes})
        },
        fmean(gains),
        stdev(gains) / sqrt(len(gains)) if len(gains) > 1 else 0.0,
    )


def _mean(changes: Collection[Mapping[int, float]], rounds: Sequence[int]) -> dict[int, float]:
    return {number: fmean(each[number] for each in changes) for number in rounds}
