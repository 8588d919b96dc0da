"""What a head is worth for a task that a client never labelled, against having had the labels.

A scenario is trained as it is, and every client then predicts the tasks of others, as `fedmtl predict --tasks` does.
Beside it, every client labels all tasks of the federation, on the same images, with the same initial weights and steps:
by the same method, and alone, which counts at its best round on validation images. How far others' labels lead is a
share of the way from the best constant prediction to what own labels give alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from clients.site import make_sites
from fedmtl import shipped
from fedmtl.aggregation import Policy, build_method
from fedmtl.config import Scenario
from fedmtl.errors import ConfigError
from fedmtl.reporting.comparison import BASELINE
from fedmtl.reporting.table import delta_percent, mean_or_none
from fedmtl.run_directory import RunDirectory
from fedmtl.scenario import load_scenario
from simulations.benchmarks.unlabelled import Place, Unlabelled
from simulations.comparison.jobs import finish_runs
from simulations.comparison.measures import scores_of, select
from simulations.comparison.runs import ComparedRun
from simulations.preflight import check_scenario

SCENARIO = "s3-task-subsets"
SETTINGS = (
    "rounds=8",
    "data.image_size=[64,96]",
    "data.sources.rooms.test=12",
    "training.threads=1",
    "federation.evaluate_every=4",
    "checkpoint.every=0",
)
METHODS = ("fedavg", "kinship", "blend")
FAMILIES = ("adapter", "attention", "head")
"""Of the groups that a task brings with it; none can be done without."""


@dataclass(frozen=True)
class NewTask:
    """One client and a task of others; values are of the task's primary metric on one split.

    Attributes:
        others: from others' labels.
        federated: with own labels, by the same method.
        alone: with own labels, training alone.
        floor: of the best constant prediction.
        share: of the way from `floor` to `alone`, of `others`, in percent.
        delta: of `others` from `alone`, in percent, + for better.
    """

    method: str
    client: str
    task: str
    split: str
    metric: str
    higher_is_better: bool
    others: float | None
    federated: float | None
    alone: float | None
    floor: float | None
    share: float | None
    delta: float | None


def run(overrides: Sequence[str] = (), *, jobs: int | None = None) -> list[dict[str, Any]]:
    """Rows of `NewTask`.

    Args:
        overrides: settings of the scenario; with any of `method`, that method is measured and no other.
        jobs: runs at once; by default one a core.

    Raises:
        ConfigError: a setting is wrong, a method keeps heads at home, or nobody lacks a task.
        DataError: the data lacks labels.
        RunError: a run failed.
    """
    base = load_scenario(shipped.find(SCENARIO), [*SETTINGS, *overrides])
    chosen = any(override.startswith("method.") for override in overrides)
    methods = [dict(base.method)] if chosen else [{"name": name} for name in METHODS]
    check_scenario(base)
    unlabelled = Unlabelled(make_sites(base), ("val", "test") if base.federation.evaluate_test else ("val",))
    if not unlabelled.places:
        raise ConfigError("every client labels every task of the federation, so none is new to anybody")
    for method in methods:
        _refuse_private_heads(method, unlabelled)
    labelled = _label_everything(base, unlabelled)

    with TemporaryDirectory(prefix="fedmtl-benchmark-") as name:
        folder = Path(name)
        without = [_create(folder / f"{method['name']}-without", base, method) for method in methods]
        federated = [_create(folder / f"{method['name']}-with", labelled, method) for method in methods]
        alone = _create(folder / "alone-with", labelled, {"name": BASELINE})
        runs = [*without, *federated, alone]
        finish_runs(runs, min(jobs or os.cpu_count() or 1, len(runs)))
        return [
            asdict(row)
            for pair in zip(without, federated, strict=True)
            for row in _rows(unlabelled, *pair, alone)
        ]


def table(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """By method, the means over clients for each task and over all rows, on test images where there are any."""
    split = "test" if any(row["split"] == "test" for row in rows) else "val"
    counted = [row for row in rows if row["split"] == split]
    shown: list[dict[str, Any]] = []
    for method in dict.fromkeys(row["method"] for row in counted):
        of_method = [row for row in counted if row["method"] == method]
        for task in sorted({row["task"] for row in of_method}):
            of_task = [row for row in of_method if row["task"] == task]
            arrow = "↑" if of_task[0]["higher_is_better"] else "↓"
            means = _means(of_task, "floor", "others", "alone", "federated", "share", "delta")
            named = {"method": method, "task": task, "metric": f"{of_task[0]['metric']} {arrow}"}
            shown.append({**named, "clients": len(of_task), **means})
        shown.append({"method": method, "task": "all", **_means(of_method, "share", "delta")})
    return shown


def share_of_the_way(value: float, floor: float, goal: float, higher_is_better: bool) -> float | None:
    """100 · (value − floor) / (goal − floor): 0 is no better than the floor, 100 as good as the goal.

    None where the goal is no better than the floor, so that there is no way to go.
    """
    way = goal - floor
    return 100 * (value - floor) / way if (way > 0 if higher_is_better else way < 0) else None


def _refuse_private_heads(method: Mapping[str, Any], unlabelled: Unlabelled) -> None:
    policy = build_method(method).policy
    for task in unlabelled.tasks:
        for group in (f"{family}/{task}" for family in FAMILIES):
            if policy(group) is Policy.private:
                raise ConfigError(
                    f"method '{method['name']}' keeps '{group}' at those who train it, so nobody else can predict "
                    f"'{task}'; measure a method that shares what belongs to a task"
                )


def _label_everything(base: Scenario, unlabelled: Unlabelled) -> Scenario:
    """The scenario in which every client labels every task of the federation, on the images that it had."""
    tasks = list(unlabelled.tasks)
    clients = {name: replace(client, tasks=tasks) for name, client in base.clients.items()}
    labelled = replace(base, clients=clients)
    if any(site.share != unlabelled.sites[name].share for name, site in make_sites(labelled).items()):
        raise ConfigError(
            "data.partition.task: is empty, so who holds which images depends on who labels what; name a task"
        )
    return labelled


def _create(path: Path, scenario: Scenario, method: dict[str, Any]) -> ComparedRun:
    variant = replace(scenario, method=method)
    return ComparedRun(method["name"], variant, RunDirectory.create(path, variant))


def _rows(
    unlabelled: Unlabelled, without: ComparedRun, federated: ComparedRun, alone: ComparedRun
) -> Iterator[NewTask]:
    of_federated, of_alone = _values(federated), _values(alone)
    for place, others in unlabelled.predicted(without.directory).items():
        task, floor, goal = unlabelled.tasks[place.task], unlabelled.floors[place], of_alone[place]
        better, share, delta = task.higher_is_better, None, None
        if others is not None and goal is not None:
            delta = delta_percent(others, goal, better)
            share = None if floor is None else share_of_the_way(others, floor, goal, better)
        yield NewTask(
            without.method,
            *place,
            task.metric,
            better,
            others=others,
            federated=of_federated[place],
            alone=goal,
            floor=floor,
            share=share,
            delta=delta,
        )


def _values(run: ComparedRun) -> dict[Place, float | None]:
    """What a run measured by itself: training alone at each client's best round, every other after the last."""
    scores = scores_of(run, select([run]))
    return {Place(score.client, score.task, score.split): score.value for score in scores}


def _means(rows: Sequence[Mapping[str, Any]], *names: str) -> dict[str, float | None]:
    return {name: mean_or_none(row[name] for row in rows) for name in names}
