"""What the runs of a comparison reached: which round counts, and the scores of it."""

from __future__ import annotations

from collections.abc import Sequence

from fedmtl.reporting.best_round import best_round, rank_at
from fedmtl.reporting.comparison import BASELINE, Selection
from fedmtl.reporting.convergence import convergence
from fedmtl.reporting.curve import Curve
from fedmtl.reporting.leaving import Choice
from fedmtl.reporting.scores import Score, Total
from simulations.comparison.runs import ComparedRun

SPLITS = ("val", "test")


def select(runs: Sequence[ComparedRun]) -> Selection:
    """The round of each client that counts for training alone: its best one on validation data, never on the test.

    It is what a site would keep that stops early. Everything else counts at its end.
    """
    curves = {
        (run.scenario.seed, client): _validation(run, client)
        for run in runs
        if run.method == BASELINE
        for client in run.history.clients
    }
    rounds = {client: number for client, each in curves.items() if (number := best_round(each)) is not None}
    return Selection(rounds, convergence(curves))


def choose(runs: Sequence[ComparedRun]) -> list[Choice]:
    """What each client leaves each run with, if it came with what training alone gave it; none without that.

    The rule is the client's own (`clients.early_stopping`), on what it measured: it leaves with its best round on
    validation data, and falls back on its own model where that is as good there. One that validates nothing leaves
    with the last round.
    """
    alone = {run.scenario.seed: run for run in runs if run.method == BASELINE}
    return [
        _choice(run, alone[run.scenario.seed], client)
        for run in runs
        if run.method != BASELINE and run.scenario.seed in alone
        for client in run.history.clients
    ]


def _choice(run: ComparedRun, alone: ComparedRun, client: str) -> Choice:
    seed, curves, own = run.scenario.seed, _validation(run, client), _validation(alone, client)
    number, came_with = best_round(curves), best_round(own)
    if came_with is not None and (number is None or rank_at(own, came_with) >= rank_at(curves, number)):
        return Choice(run.method, seed, client, came_with, fell_back=True)
    return Choice(run.method, seed, client, number or run.scenario.rounds, fell_back=False)


def scores_of(run: ComparedRun, selection: Selection) -> list[Score]:
    """The primary metrics of every client, task and split, of the selected round or else of the last."""
    last = run.scenario.rounds
    chosen = selection.rounds if run.method == BASELINE else {}
    return [
        score
        for client in run.history.clients
        for score in _scores(run, client, chosen.get((run.scenario.seed, client), last), run.method)
    ]


def scores_left(runs: Sequence[ComparedRun], choices: Sequence[Choice]) -> list[Score]:
    """The primary metrics of the models that clients leave with."""
    by_name = {(run.method, run.scenario.seed): run for run in runs}
    return [
        score
        for choice in choices
        for score in _scores(
            by_name[BASELINE if choice.fell_back else choice.method, choice.seed],
            choice.client,
            choice.round,
            choice.method,
        )
    ]


def total_of(run: ComparedRun) -> Total:
    """What all rounds took."""
    rounds = run.history.rounds.values()
    traffic = sum(info.bytes_up + info.bytes_down for info in rounds)
    return Total(run.method, run.scenario.seed, traffic, run.history.seconds)


def _validation(run: ComparedRun, client: str) -> dict[str, Curve]:
    return {task: curve for task, (_, curve) in run.curves(client, "val").items()}


def _scores(run: ComparedRun, client: str, number: int, method: str) -> list[Score]:
    """A client's primary metrics of a round, of every task and split, as those of `method`."""
    return [
        Score(
            method,
            run.scenario.seed,
            client,
            task,
            metric,
            curve.values.get(number),
            curve.higher_is_better,
            split,
        )
        for split in SPLITS
        for task, (metric, curve) in run.curves(client, split).items()
    ]
