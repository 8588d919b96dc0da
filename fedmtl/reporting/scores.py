"""What runs reached and cost, and their changes from a baseline's run of the same seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from fedmtl.reporting.spread import Spread
from fedmtl.reporting.table import delta_percent, mean_or_none


@dataclass(frozen=True)
class Score:
    """What one run reached for one client and task; `value` is None where it could not be measured.

    Attributes:
        split: `val` or `test`.
    """

    method: str
    seed: int
    client: str
    task: str
    metric: str
    value: float | None
    higher_is_better: bool
    split: str = "val"


@dataclass(frozen=True)
class Total:
    """What one run cost: all bytes, up and down, and wall-clock seconds."""

    method: str
    seed: int
    bytes: int
    seconds: float


class ScoreTable:
    """Values, and changes in percent (+ for better), looked up by (method, seed, client, task).

    Args:
        scores: of one split.
        baseline: the method that changes are from.
    """

    def __init__(self, scores: Sequence[Score], baseline: str) -> None:
        self.values = {
            (score.method, score.seed, score.client, score.task): score.value
            for score in scores
            if score.value is not None and math.isfinite(score.value)
        }
        better = {(score.client, score.task): score.higher_is_better for score in scores}
        self.deltas = {
            (method, seed, client, task): delta_percent(
                value, self.values.get((baseline, seed, client, task)), better[client, task]
            )
            for (method, seed, client, task), value in self.values.items()
            if method != baseline
        }
        self.seeds = sorted({score.seed for score in scores})
        self.clients = sorted({score.client for score in scores})
        self.tasks = sorted({score.task for score in scores})
        self.pairs = sorted({(score.client, score.task) for score in scores})

    def value(self, method: str, client: str, task: str) -> Spread | None:
        """A metric over seeds."""
        return Spread.of(self.values.get((method, seed, client, task)) for seed in self.seeds)

    def delta(self, method: str, client: str, task: str) -> Spread | None:
        """Its change over seeds."""
        return Spread.of(self.deltas.get((method, seed, client, task)) for seed in self.seeds)

    def client_deltas(self, method: str) -> dict[str, Spread]:
        """Client → its change, the mean over its tasks, over seeds; those that have one."""
        changes = {
            client: Spread.of(self._of_client(method, seed, client) for seed in self.seeds)
            for client in self.clients
        }
        return {client: change for client, change in changes.items() if change}

    def task_delta(self, method: str, task: str) -> Spread | None:
        """A task's change, the mean over its clients, over seeds."""
        return Spread.of(
            mean_or_none(self.deltas.get((method, seed, client, task)) for client in self.clients)
            for seed in self.seeds
        )

    def mean_delta(self, method: str) -> Spread | None:
        """The mean over clients of their changes, so that every client counts alike, over seeds."""
        return Spread.of(
            mean_or_none(self._of_client(method, seed, client) for client in self.clients)
            for seed in self.seeds
        )

    def above(self, method: str) -> tuple[int, int]:
        """How many pairs of client and task gain by the method, in the mean over seeds, and of how many."""
        deltas = [delta for pair in self.pairs if (delta := self.delta(method, *pair))]
        return sum(delta.mean > 0 for delta in deltas), len(deltas)

    def _of_client(self, method: str, seed: int, client: str) -> float | None:
        return mean_or_none(self.deltas.get((method, seed, client, task)) for task in self.tasks)
