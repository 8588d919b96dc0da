"""What differential privacy of clients leaves of the use of a federation: several ε, beside training alone.

Training alone gives nothing away and costs nothing: what a private federation reaches is worth having where it is
above that. Values are of test images after the last round; training alone counts at its best round on validation data.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from fedmtl.config import Scenario
from fedmtl.config.privacy import NoiseKind, PrivacyConfig
from fedmtl.reporting.comparison import BASELINE
from fedmtl.reporting.deltas import mean_delta
from fedmtl.reporting.scores import Score
from fedmtl.reporting.table import delta_percent
from fedmtl.run_directory import RunDirectory
from simulations.comparison.entrants import parse_entrants
from simulations.comparison.jobs import finish_runs
from simulations.comparison.measures import scores_of, select
from simulations.comparison.runs import ComparedRun
from simulations.preflight import check_scenario


class Setting(NamedTuple):
    """Secure sums or not, who adds noise, and the ε that all rounds together cost; None: there is no noise."""

    secure_sums: bool
    noise: NoiseKind
    epsilon: float | None

    def of(self, base: PrivacyConfig) -> PrivacyConfig:
        """The settings of a run."""
        client = replace(base.client, noise=self.noise, epsilon=self.epsilon)
        return replace(base, secure_sums=self.secure_sums, client=client)


def settings(epsilons: Sequence[float]) -> list[Setting]:
    """Without noise and with each ε, once with sums that the server sees and once with secure ones."""
    plain, secure = NoiseKind.central, NoiseKind.distributed
    return [
        Setting(False, NoiseKind.none, None),
        *(Setting(False, plain, epsilon) for epsilon in epsilons),
        Setting(True, NoiseKind.none, None),
        *(Setting(True, secure, epsilon) for epsilon in epsilons),
    ]


@dataclass(frozen=True)
class Utility:
    """One client's task at the end of one run.

    Attributes:
        epsilon: 0 where clients train alone, null without noise.
        delta: from training alone, in percent, + for better.
    """

    scenario: str
    method: str
    secure_sums: bool
    noise: str
    epsilon: float | None
    client: str
    task: str
    metric: str
    higher_is_better: bool
    value: float | None
    delta: float | None


def measure(
    base: Scenario, methods: Sequence[str], epsilons: Sequence[float], jobs: int | None = None
) -> list[dict[str, Any]]:
    """Rows of `Utility`: training alone, and each method under each setting.

    Args:
        jobs: runs at once; by default one a core.

    Raises:
        ConfigError: a setting is wrong.
        DataError: data is missing.
        RunError: a run failed.
    """
    check_scenario(base)
    (alone,), others = parse_entrants([BASELINE]), parse_entrants(methods)
    nothing = Setting(False, NoiseKind.none, None)
    trials = [(alone, nothing), *((other, each) for other in others for each in settings(epsilons))]
    with TemporaryDirectory(prefix="fedmtl-benchmark-") as folder:
        runs = []
        for number, (entrant, each) in enumerate(trials):
            scenario = entrant.variant(replace(base, privacy=each.of(base.privacy)), base.seed)
            path = Path(folder) / f"{number:02}-{entrant.folder_name}"
            runs.append(ComparedRun(entrant.label, scenario, RunDirectory.create(path, scenario)))
        finish_runs(runs, min(jobs or os.cpu_count() or 1, len(runs)))
        return [asdict(row) for row in _rows(runs, [each for _, each in trials])]


def table(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A line a run: the mean change from training alone, over tasks, then clients; each task's mean over clients."""
    lines: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        key = tuple(row[name] for name in ("method", "secure_sums", "noise", "epsilon"))
        lines.setdefault(key, []).append(row)
    shown = []
    for (method, secure, noise, epsilon), of_run in lines.items():
        line = {"method": method, "secure sums": "yes" if secure else "", "noise": noise}
        line["ε"] = "∞" if epsilon is None else f"{epsilon:g}"
        line["mean Δ %"] = mean_delta(of_run)
        for task in dict.fromkeys(row["task"] for row in of_run):
            values = [row["value"] for row in of_run if row["task"] == task and row["value"] is not None]
            metric = next(row["metric"] for row in of_run if row["task"] == task)
            line[f"{task} {metric}"] = fmean(values) if values else None
        shown.append(line)
    return shown


def _rows(runs: Sequence[ComparedRun], under: Sequence[Setting]) -> Iterator[Utility]:
    alone = runs[0]
    selection = select([alone])
    reference = {(score.client, score.task): score.value for score in _on_test(scores_of(alone, selection))}
    for run, setting in zip(runs, under, strict=True):
        for score in _on_test(scores_of(run, selection)):
            base, better = reference[score.client, score.task], score.higher_is_better
            delta = None if score.value is None else delta_percent(score.value, base, better)
            epsilon = 0.0 if run is alone else setting.epsilon
            yield Utility(
                run.scenario.name,
                run.method,
                setting.secure_sums,
                setting.noise.value,
                epsilon,
                score.client,
                score.task,
                score.metric,
                better,
                score.value,
                delta,
            )


def _on_test(scores: Sequence[Score]) -> list[Score]:
    return [score for score in scores if score.split == "test"]
