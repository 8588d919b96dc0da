"""The runs of a comparison: one for each method and seed, in folders that an earlier call may have begun."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fedmtl.config import Scenario
from fedmtl.errors import RunError
from fedmtl.reporting.curve import Curve
from fedmtl.reporting.events import Event
from fedmtl.reporting.history import History
from fedmtl.run_directory import RunDirectory
from fedmtl.scenario import to_yaml
from simulations.comparison.entrants import Entrant
from simulations.own_metrics import events_of_all
from simulations.preflight import check_method, check_scenario


@dataclass(frozen=True)
class ComparedRun:
    """One method with one seed; what it did is read when it is first asked for, so only once it is over."""

    method: str
    scenario: Scenario
    directory: RunDirectory

    @property
    def name(self) -> str:
        """Its folder's."""
        return self.directory.path.name

    @property
    def finished(self) -> bool:
        return self.scenario.rounds in self.directory.checkpoints.rounds()

    @cached_property
    def events(self) -> list[Event]:
        """Its metrics log, with what clients alone know where there are secure sums."""
        return events_of_all(self.directory)

    @cached_property
    def history(self) -> History:
        return History.of(self.events)

    def curves(self, client: str, split: str) -> dict[str, tuple[str, Curve]]:
        """Task → its primary metric on a split, name and curve, of one client."""
        found = {task: self.history.primary(client, task, split) for task in self.history.tasks}
        return {task: metric_and_curve for task, metric_and_curve in found.items() if metric_and_curve}


def make_runs(
    base: Scenario, entrants: Sequence[Entrant], seeds: Sequence[int], folder: Path
) -> list[ComparedRun]:
    """The runs, seed by seed, each with its folder; one that an earlier call began is taken up.

    Raises:
        ConfigError: an entrant or the scenario cannot be run; then no folder is made.
        DataError: data is missing or broken; likewise.
        RunError: a folder holds a run with another config.
    """
    variants = [(entrant, entrant.variant(base, seed)) for seed in seeds for entrant in entrants]
    for _, variant in variants:
        check_method(variant)
    for seed in seeds:  # which alone decides who holds what; decoding all data for every method takes minutes
        check_scenario(next(variant for _, variant in variants if variant.seed == seed))
    return [
        ComparedRun(
            entrant.label, variant, _directory(variant, folder / f"{entrant.folder_name}-seed{variant.seed}")
        )
        for entrant, variant in variants
    ]


def _directory(scenario: Scenario, path: Path) -> RunDirectory:
    if not (path / "config.yaml").exists():
        return RunDirectory.create(path, scenario)
    directory = RunDirectory.open(path)
    if to_yaml(directory.scenario) != to_yaml(scenario):
        raise RunError(f"{path} was run with another config; choose another folder with --out")
    return directory
