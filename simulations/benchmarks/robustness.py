"""What malicious clients cost a federation by each rule.

A scenario whose clients are alike, some of them called `rogue`, is trained with these honest: what the mean then
reaches is the clean result. Then the rogues attack, one kind of attack after another. Those that cost the mean a fifth
of the clean result, or more, are tried on the robust rules. Values are means over the honest clients, after the last
round, on test images.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

from fedmtl import shipped
from fedmtl.config import Scenario
from fedmtl.data.partition import expand_copies
from fedmtl.errors import ConfigError, RunError
from fedmtl.run_directory import RunDirectory
from fedmtl.scenario import load_scenario
from simulations.comparison.entrants import Entrant, parse_entrants
from simulations.comparison.jobs import finish_runs
from simulations.comparison.measures import scores_of, select
from simulations.comparison.runs import ComparedRun
from simulations.preflight import check_scenario

SCENARIO = "ten-rooms"
ROGUE = "rogue"
"""What the scenario calls those clients that attack."""
MEAN = "fedavg"
RULES = (
    "median",
    "trimmed-mean",
    "krum",
    "multi-krum",
    "norm-bound",
    "median(bucket=2)",
    "median(bucket=3)",
)
ATTACKS: Mapping[str, Mapping[str, Any]] = {
    "sign-flip": {"name": "sign-flip"},
    "scaled": {"name": "scaled"},
    "gaussian": {"name": "gaussian"},
    "label-flip": {"name": "label-flip"},
    "not-finite": {"name": "not-finite"},
    "alie": {"name": "alie", "z": 1.5},
    "inner-product": {"name": "inner-product"},
}
COSTLY = 20.0
"""Percent of the clean result that an attack costs the mean, for robust rules to be tried."""
CLEAN = "none"


@dataclass(frozen=True)
class Robustness:
    """One rule under one attack, by the primary metric of one task.

    Attributes:
        value: the mean over honest clients; None where training broke down.
        kept: percent of what the mean has without an attack: 100 · value / clean, or, where less is better, of the
            inverse; 0 where training broke down.
    """

    attack: str
    rule: str
    task: str
    metric: str
    higher_is_better: bool
    clean: float
    value: float | None
    kept: float


def run(overrides: Sequence[str] = (), *, jobs: int | None = None) -> list[dict[str, Any]]:
    """Rows of `Robustness`: the mean under every attack, and the rules without one and under those that cost the mean.

    Args:
        overrides: settings of the scenario.
        jobs: runs at once; by default one a core.

    Raises:
        ConfigError: a setting is wrong, or no client is called rogue.
        DataError: the data is broken.
        RunError: a run without an attack failed.
    """
    base = load_scenario(shipped.find(SCENARIO), overrides)
    if ROGUE not in base.clients:
        raise ConfigError(f"the benchmark robustness needs a client '{ROGUE}' in its scenario")
    check_scenario(base)
    workers = jobs or os.cpu_count() or 1
    (mean,), rules = parse_entrants([MEAN]), parse_entrants(RULES)
    with TemporaryDirectory(prefix="fedmtl-benchmark-") as name:
        trials = _Trials(base, Path(name), workers)
        clean = trials.values([(CLEAN, mean)])[CLEAN, mean]
        under = trials.values([(attack, mean) for attack in ATTACKS])
        costly = [
            attack
            for attack in ATTACKS
            if any(row.kept <= 100 - COSTLY for row in _rows(attack, mean, clean, under[attack, mean]))
        ]
        others = trials.values([(attack, rule) for attack in (CLEAN, *costly) for rule in rules])
        everything = {(CLEAN, mean): clean, **under, **others}
    return [
        asdict(row)
        for (attack, rule), values in everything.items()
        for row in _rows(attack, rule, clean, values)
    ]


def table(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Attack by rule: percent of the clean result that is kept, of the task that keeps least."""
    shown: dict[str, dict[str, Any]] = {}
    for row in rows:
        line = shown.setdefault(row["attack"], {"attack": row["attack"]})
        line[row["rule"]] = min(line.get(row["rule"], row["kept"]), row["kept"])
    return list(shown.values())


Values = Mapping[str, tuple[str, bool, float | None]]
"""Task → its primary metric, whether more is better, and the mean over honest clients."""


class _Trials:
    """Runs of one scenario under attacks and rules, each in a folder of its own."""

    def __init__(self, base: Scenario, folder: Path, jobs: int) -> None:
        self._base, self._folder, self._jobs = base, folder, jobs
        rogues = set(expand_copies({ROGUE: base.clients[ROGUE]}))
        self._honest = set(expand_copies(base.clients)) - rogues

    def values(self, trials: Sequence[tuple[str, Entrant]]) -> dict[tuple[str, Entrant], Values]:
        runs = {(attack, rule): self._create(attack, rule) for attack, rule in trials}
        # A model that an attack has led to infinity cannot be trained: that run ends without a last round.
        with suppress(RunError):
            finish_runs(list(runs.values()), min(self._jobs, len(runs)))
        for (attack, _), each in runs.items():
            if attack == CLEAN and not each.finished:
                raise RunError(f"the run {each.name} failed without an attack; see what it said above")
        return {trial: self._measured(each) for trial, each in runs.items()}

    def _create(self, attack: str, rule: Entrant) -> ComparedRun:
        base = self._base
        rogue = replace(base.clients[ROGUE], attack=dict(ATTACKS[attack]) if attack != CLEAN else {})
        scenario = rule.variant(replace(base, clients={**base.clients, ROGUE: rogue}), base.seed)
        path = self._folder / f"{attack}-{rule.folder_name}"
        return ComparedRun(rule.label, scenario, RunDirectory.create(path, scenario))

    def _measured(self, run: ComparedRun) -> Values:
        scores = [
            score
            for score in scores_of(run, select([run]))
            if score.client in self._honest and score.split == "test"
        ]
        return {
            task: (of_task[0].metric, of_task[0].higher_is_better, _mean(score.value for score in of_task))
            for task in sorted({score.task for score in scores})
            if (of_task := [score for score in scores if score.task == task])
        }


def _mean(values: Iterable[float | None]) -> float | None:
    """None as soon as a client has nothing that could be measured."""
    every = list(values)
    present = [value for value in every if value is not None]
    return fmean(present) if len(present) == len(every) else None


def _rows(attack: str, rule: Entrant, clean: Values, found: Values) -> Iterator[Robustness]:
    for task, (metric, better, reference) in clean.items():
        if reference is None:
            raise ConfigError(
                f"task '{task}' cannot be measured without an attack; give its clients test images"
            )
        value = found[task][2] if task in found else None
        kept = 0.0 if value is None else 100 * (value / reference if better else reference / value)
        yield Robustness(attack, rule.label, task, metric, better, reference, value, kept)
