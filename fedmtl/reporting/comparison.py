"""Methods against each other, over clients, tasks and seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from fedmtl.errors import RunError
from fedmtl.reporting.table import delta_percent, mean_or_none
from fedmtl.reporting.units import unit


@dataclass(frozen=True)
class Score:
    """What one run reached for one client and task; `value` is None where it could not be measured."""

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


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation over seeds; `std` is None for a single seed."""

    mean: float
    std: float | None

    def write(self, number: Callable[[float], str]) -> str:
        """As text, each number written by `number`.

        >>> Spread(41.25, 0.5).write("{:.2f}".format)
        '41.25 ± 0.50'
        """
        return number(self.mean) + (f" ± {number(self.std)}" if self.std is not None else "")

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Spread | None:
        """The spread of the values that are there; None where none is."""
        present = [value for value in values if value is not None]
        if not present:
            return None
        return cls(fmean(present), stdev(present) if len(present) > 1 else None)


@dataclass(frozen=True)
class Entry:
    """A method's value for a client and task, and its change from the baseline in percent, + for better."""

    value: Spread | None
    delta: Spread | None


@dataclass(frozen=True)
class Line:
    """A client and task, and each method's entry in order of methods."""

    client: str
    task: str
    metric: str
    unit: str
    higher_is_better: bool
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Summary:
    """A method over all clients and tasks; the baseline has no changes.

    Attributes:
        mean_delta: over a client's tasks, then over clients, then over seeds.
        clients: client → its mean change, over tasks and seeds.
    """

    method: str
    mean_delta: Spread | None
    clients: dict[str, float]
    bytes: Spread | None
    seconds: Spread | None

    @property
    def worst(self) -> tuple[str, float] | None:
        """The client that gains least, or loses most, and its change."""
        return min(self.clients.items(), key=lambda item: item[1], default=None)


@dataclass(frozen=True)
class Comparison:
    """Methods in the order given, the baseline first; `baseline` is None where it is not among them."""

    methods: tuple[str, ...]
    baseline: str | None
    seeds: tuple[int, ...]
    lines: tuple[Line, ...]
    summaries: tuple[Summary, ...]


def compare(
    scores: Sequence[Score],
    totals: Sequence[Total],
    kinds: Mapping[str, str] | None = None,
    baseline: str = "local",
    split: str = "val",
) -> Comparison:
    """Compare methods; a run is compared with the baseline's run of the same seed.

    Args:
        scores: of every run; those of another split are left out.
        totals: one for each run.
        kinds: task → its kind, for units; a task that is not here is called by its kind.
        baseline: the method to compare with.
        split: the split to compare on.

    Raises:
        RunError: there are no scores for the split.
    """
    scores = [score for score in scores if score.split == split]
    if not scores:
        raise RunError(f"there is nothing to compare: no run has scores for the split '{split}'")
    table = _Scores(scores, baseline)
    methods = sorted(dict.fromkeys(score.method for score in scores), key=lambda method: method != baseline)
    targets = {(score.client, score.task): score for score in scores}
    lines = tuple(
        Line(
            client,
            task,
            score.metric,
            unit((kinds or {}).get(task, task), score.metric),
            score.higher_is_better,
            table.entries(methods, client, task),
        )
        for (client, task), score in sorted(targets.items())
    )
    return Comparison(
        tuple(methods),
        baseline if baseline in methods else None,
        tuple(table.seeds),
        lines,
        tuple(table.summary(method, totals) for method in methods),
    )


class _Scores:
    """Values and changes looked up by (method, seed, client, task)."""

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

    def entries(self, methods: Sequence[str], client: str, task: str) -> tuple[Entry, ...]:
        return tuple(
            Entry(
                Spread.of(self.values.get((method, seed, client, task)) for seed in self.seeds),
                Spread.of(self.deltas.get((method, seed, client, task)) for seed in self.seeds),
            )
            for method in methods
        )

    def summary(self, method: str, totals: Sequence[Total]) -> Summary:
        own = [total for total in totals if total.method == method]
        by_seed = {seed: [self._client_delta(method, seed, c) for c in self.clients] for seed in self.seeds}
        clients = {
            client: mean
            for client, *deltas in zip(self.clients, *by_seed.values(), strict=True)
            if (mean := mean_or_none(deltas)) is not None
        }
        return Summary(
            method,
            Spread.of(mean_or_none(deltas) for deltas in by_seed.values()),
            clients,
            Spread.of(total.bytes for total in own),
            Spread.of(total.seconds for total in own),
        )

    def _client_delta(self, method: str, seed: int, client: str) -> float | None:
        return mean_or_none(self.deltas.get((method, seed, client, task)) for task in self.tasks)
