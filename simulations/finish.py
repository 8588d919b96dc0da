"""What a person gets when a run is over: the table and the report, against a baseline where there is one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fedmtl.best_model import BEST, read_best
from fedmtl.data import expand_copies
from fedmtl.deployment.run_state import is_deployed
from fedmtl.reporting.departures import Departure
from fedmtl.reporting.events import read_events
from fedmtl.reporting.history import History
from fedmtl.reporting.report import write_report
from fedmtl.reporting.table import result_table
from fedmtl.reporting.terminal_table import TerminalTable
from fedmtl.run_directory import RunDirectory
from simulations.inspection import group_table, prediction_panels
from simulations.own_metrics import events_of_all


@dataclass(frozen=True)
class Baseline:
    """Another run's final primary metrics, (client, task) → value, and what to call it."""

    name: str
    values: Mapping[tuple[str, str], float]


def read_baseline(folder: Path) -> Baseline:
    """The final metrics of the run in `folder`.

    Raises:
        RunError: it is no run, or has no metrics yet.
    """
    run = RunDirectory.open(folder)
    table = result_table(History.of(events_of_all(run)))
    values = {
        (row.client, column.task): cell.value
        for row in table.rows
        for column, cell in zip(table.columns, row.cells, strict=True)
        if cell is not None and not row.pooled
    }
    method = run.scenario.method["name"]
    return Baseline("local training" if method == "local" else f"{method} ({folder})", values)


def earlier_history(run: RunDirectory) -> History:
    """What a run did up to its newest checkpoint: what a resume goes on from."""
    rounds = run.checkpoints.rounds()
    if not rounds or not run.metrics.exists():
        return History()
    return History.of(event for event in read_events(run.metrics) if event["round"] <= rounds[-1])


def final_table(run: RunDirectory, baseline: Baseline | None = None) -> TerminalTable:
    """Clients × tasks, for a terminal."""
    history = History.of(events_of_all(run))
    if baseline is None:
        return TerminalTable(result_table(history))
    return TerminalTable(result_table(history, baseline.values, baseline.name))


def departures(run: RunDirectory) -> list[Departure]:
    """What each client leaves with, by name; one that validated nothing leaves with the last round, and is not here."""
    found = []
    for client in sorted(expand_copies(run.scenario.clients)):
        best = read_best(run.client_folder(client) / BEST, run.identity["run"])
        if best is not None:
            found.append(Departure(client, best.round, best.metrics, best.brought))
    return found


def write_full_report(run: RunDirectory, baseline: Baseline | None = None) -> Path:
    """report.html with prediction pictures and the table of groups, where the clients' data and models are at hand."""
    values, name = (baseline.values, baseline.name) if baseline else (None, "")
    if is_deployed(run.path):
        return write_report(run, baseline=values, baseline_name=name, deployed=True)
    return write_report(
        run,
        baseline=values,
        baseline_name=name,
        groups=group_table(run),
        panels=prediction_panels(run),
        departures=departures(run),
    )
