"""The report of a run: report.html, one page with all that a person asks about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fedmtl.reporting.audits import FOLDER, Findings, read_findings
from fedmtl.reporting.departures import Departure, departure_rows, fallen_back
from fedmtl.reporting.events import read_events
from fedmtl.reporting.history import History
from fedmtl.reporting.page import render, write
from fedmtl.reporting.panels import Panel
from fedmtl.reporting.plots import loss_curves, validation_curves, work_bars
from fedmtl.reporting.privacy_plots import epsilon_curve
from fedmtl.reporting.table import result_table
from fedmtl.run_directory import RunDirectory


@dataclass(frozen=True)
class GroupInfo:
    """A parameter group: its policy (shared or private), its size, and the clients that train it."""

    name: str
    policy: str
    parameters: int
    holders: Sequence[str]


@dataclass(frozen=True)
class Setup:
    """What a run was started from.

    Attributes:
        config: the text of its config.yaml.
        deployed: the name of its folder, where it was a deployment's; empty otherwise.
    """

    seed: int
    config: str
    deployed: str = ""


def write_report(
    run: RunDirectory,
    *,
    baseline: Mapping[tuple[str, str], float] | None = None,
    baseline_name: str = "local training",
    groups: Sequence[GroupInfo] = (),
    panels: Sequence[Panel] = (),
    departures: Sequence[Departure] = (),
    deployed: bool = False,
) -> Path:
    """Write a run's report.html from its metrics.jsonl and config.yaml, whatever state the run is in.

    Args:
        run: the run's directory.
        baseline: (client, task) → the primary metric to compare with.
        baseline_name: what that is called.
        groups: the parameter groups of the federation.
        panels: predictions beside labels.
        departures: what the clients leave with.
        deployed: whether the run was a deployment's, whose clients' data are elsewhere.

    Raises:
        RunError: there is no metrics log, or it is damaged.
        ConfigError: the config cannot be read.
        DataError: a panel holds something that is not an RGB picture.
    """
    config = (run.path / "config.yaml").read_text(encoding="utf-8")
    setup = Setup(run.scenario.seed, config, run.path.absolute().name if deployed else "")
    history = History.of(read_events(run.metrics))
    page = render_report(
        history,
        setup,
        baseline=baseline,
        baseline_name=baseline_name,
        groups=groups,
        panels=panels,
        departures=departures,
        audits=read_findings(run.path / FOLDER),
    )
    write(run.report, page)
    return run.report


def render_report(
    history: History,
    setup: Setup | None = None,
    *,
    baseline: Mapping[tuple[str, str], float] | None = None,
    baseline_name: str = "local training",
    groups: Sequence[GroupInfo] = (),
    panels: Sequence[Panel] = (),
    departures: Sequence[Departure] = (),
    audits: Sequence[Findings] = (),
) -> str:
    """The page; what is not given has no section in it. Arguments as for `write_report`."""
    table = result_table(history, baseline, baseline_name)
    work = {client: history.work(client) for client in history.clients}
    return render(
        "report.html.j2",
        history=history,
        setup=setup,
        table=table,
        departures=departure_rows(history, table.columns, departures),
        fallen_back=fallen_back(departures),
        validation=validation_curves(history),
        losses=loss_curves(history),
        bars=work_bars(history),
        epsilon_curve=epsilon_curve(history),
        work=work,
        traffic=sum(train.bytes + evaluate.bytes for train, evaluate in work.values()),
        groups=groups,
        panels=panels,
        audits=audits,
    )
