"""What runs reached against what they cost in differential privacy: a page with a plot for each task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fedmtl.config import Scenario
from fedmtl.config.privacy import NoiseKind
from fedmtl.errors import RunError
from fedmtl.reporting.events import read_events
from fedmtl.reporting.history import ClientCost, History
from fedmtl.reporting.page import render, write
from fedmtl.reporting.privacy_plots import Utility, utility_of, utility_plot
from fedmtl.run_directory import RunDirectory


@dataclass(frozen=True)
class PricedRun:
    """A run, what it cost, and per task what it reached over all clients.

    Attributes:
        kind: of runs that differ in ε alone.
        cost: None without noise.
        reached: task → (the metric's label, its value).
    """

    folder: str
    kind: str
    cost: ClientCost | None
    reached: dict[str, tuple[str, float]]


def write_privacy_page(path: Path, runs: Sequence[RunDirectory]) -> Path:
    """Write the page.

    Raises:
        RunError: a run has not measured anything, or the page cannot be written.
    """
    priced = [_priced(run) for run in runs]
    labels = {task: label for run in priced for task, (label, _) in sorted(run.reached.items())}
    plots = [
        utility_plot(
            task,
            label,
            [
                Utility(run.kind, run.cost.epsilon if run.cost else None, run.reached[task][1])
                for run in priced
                if task in run.reached
            ],
        )
        for task, label in labels.items()
    ]
    write(path, render("privacy.html.j2", runs=priced, labels=labels, plots=plots))
    return path


def _priced(run: RunDirectory) -> PricedRun:
    history = History.of(read_events(run.metrics))
    reached = utility_of(history)
    if not reached:
        raise RunError(f"{run.path} has no metrics yet: finish it with 'fedmtl resume {run.path}'")
    costs = history.client_costs
    cost = costs[max(costs)] if costs else None
    return PricedRun(str(run.path), _kind(run.scenario), cost, reached)


def _kind(scenario: Scenario) -> str:
    noise = scenario.privacy.client.noise
    parts = [scenario.method["name"]]
    if noise is not NoiseKind.none:
        parts.append(f"{noise.value} noise")
    if scenario.privacy.secure_sums:
        parts.append("secure sums")
    return ", ".join(parts)
