"""Methods against each other, over clients, tasks and seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from fedmtl.errors import RunError
from fedmtl.reporting.convergence import Convergence
from fedmtl.reporting.leaving import Choice, LeavingSummary
from fedmtl.reporting.scores import Score, ScoreTable, Total
from fedmtl.reporting.spread import Spread, lowest
from fedmtl.reporting.units import unit

BASELINE = "local"


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
        mean_delta: over a client's tasks, then over clients.
        clients: client → its change, the mean over its tasks.
        tasks: task → its change, the mean over its clients.
        above: how many pairs of client and task gain by it, in the mean over seeds, and of how many.
        secure_sums: whether it works where the server sees only sums over holders; None where that is not known.
        leaving: the same after early stopping and fall-back; None where there was nothing to fall back on.
    """

    method: str
    mean_delta: Spread | None
    clients: dict[str, Spread]
    tasks: dict[str, Spread]
    above: tuple[int, int]
    secure_sums: bool | None
    bytes: Spread | None
    seconds: Spread | None
    leaving: LeavingSummary | None = None

    @property
    def worst(self) -> tuple[str, float] | None:
        """The client that gains least, or loses most, and its change."""
        return lowest(self.clients)


@dataclass(frozen=True)
class Selection:
    """The rounds that the baseline's scores are of; every other method's are of the last.

    Attributes:
        rounds: (seed, client) → the client's best round on validation data.
        convergence: the baseline's; None where it was measured too seldom to tell.
    """

    rounds: Mapping[tuple[int, str], int] = field(default_factory=dict)
    convergence: Convergence | None = None


@dataclass(frozen=True)
class Comparison:
    """Methods in the order given, the baseline first; `baseline` is None where it is not among them.

    Attributes:
        split: what was measured.
    """

    methods: tuple[str, ...]
    baseline: str | None
    split: str
    seeds: tuple[int, ...]
    lines: tuple[Line, ...]
    summaries: tuple[Summary, ...]
    selection: Selection

    @property
    def rule(self) -> str:
        """What was measured, and after which rounds, in words."""
        images = "Test images" if self.split == "test" else "Validation images"
        if self.baseline is None or not self.selection.rounds:
            return f"{images}, after the last round."
        first, last = min(self.selection.rounds.values()), max(self.selection.rounds.values())
        when = f"{first}" if first == last else f"{first} to {last}"
        generous = "" if self.split == "test" else f", which is generous to {self.baseline}"
        return (
            f"{images}: {self.baseline} at each client's best round on validation ({when}){generous}; "
            "other methods after the last round."
        )

    @property
    def leaves(self) -> str | None:
        """Which models clients leave with, in words; None where they had nothing to fall back on."""
        if not any(summary.leaving for summary in self.summaries):
            return None
        return (
            f"Each client with its best round on validation, or with its model of {self.baseline} where that is as "
            "good there; a client counts once a seed."
        )


def compare(
    scores: Sequence[Score],
    totals: Sequence[Total],
    *,
    kinds: Mapping[str, str] | None = None,
    secure_sums: Mapping[str, bool] | None = None,
    selection: Selection | None = None,
    left: Sequence[Score] = (),
    choices: Sequence[Choice] = (),
) -> Comparison:
    """Compare methods; a run is compared with that of training alone with the same seed.

    Args:
        scores: of every run; where there are some of `test`, those of `val` are left out.
        totals: one for each run.
        kinds: task → its kind, for units; a task that is not here is called by its kind.
        secure_sums: method → whether the server needs only sums.
        selection: which rounds the baseline's scores are of.
        left: the scores of the other methods' models that clients leave with.
        choices: which models those are.

    Raises:
        RunError: there are no scores.
    """
    if not scores:
        raise RunError("there is nothing to compare: no run has measured anything")
    split = "test" if any(score.split == "test" for score in scores) else "val"
    scores = [score for score in scores if score.split == split]
    table = ScoreTable(scores, BASELINE)
    alone = [score for score in scores if score.method == BASELINE]
    after = ScoreTable([*alone, *(score for score in left if score.split == split)], BASELINE)
    methods = sorted(dict.fromkeys(score.method for score in scores), key=lambda method: method != BASELINE)
    return Comparison(
        tuple(methods),
        BASELINE if BASELINE in methods else None,
        split,
        tuple(table.seeds),
        _lines(scores, table, methods, kinds or {}),
        tuple(
            _summary(
                table,
                method,
                totals,
                (secure_sums or {}).get(method),
                LeavingSummary.of(after, choices, method),
            )
            for method in methods
        ),
        selection or Selection(),
    )


def _lines(
    scores: Sequence[Score], table: ScoreTable, methods: Sequence[str], kinds: Mapping[str, str]
) -> tuple[Line, ...]:
    measured = {(score.client, score.task): score for score in scores}
    return tuple(
        Line(
            client,
            task,
            score.metric,
            unit(kinds.get(task, task), score.metric),
            score.higher_is_better,
            tuple(
                Entry(table.value(method, client, task), table.delta(method, client, task))
                for method in methods
            ),
        )
        for (client, task), score in sorted(measured.items())
    )


def _summary(
    table: ScoreTable,
    method: str,
    totals: Sequence[Total],
    secure_sums: bool | None,
    leaving: LeavingSummary | None,
) -> Summary:
    own = [total for total in totals if total.method == method]
    return Summary(
        method,
        table.mean_delta(method),
        table.client_deltas(method),
        {task: delta for task in table.tasks if (delta := table.task_delta(method, task))},
        table.above(method),
        secure_sums,
        Spread.of(total.bytes for total in own),
        Spread.of(total.seconds for total in own),
        leaving,
    )
