"""fedmtl run, resume and scenarios."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fedmtl.cli.tables import wide_console

if TYPE_CHECKING:
    from fedmtl.run_directory import RunDirectory
    from simulations.finish import Baseline


class EngineName(Enum):
    """What runs the clients: this process, Ray, or SuperNodes on loopback."""

    inprocess = "inprocess"
    ray = "ray"
    deployment = "deployment"


EngineOption = Annotated[EngineName, typer.Option(help="What runs the clients.")]
Overrides = Annotated[list[str] | None, typer.Argument(help="Settings to change, as key=value.")]


def run(
    scenario: Annotated[str, typer.Argument(help="A scenario's name (see 'fedmtl scenarios') or YAML file.")],
    overrides: Overrides = None,
    engine: EngineOption = EngineName.inprocess,
    out: Annotated[
        Path | None, typer.Option(help="The run's folder; default: a new one under runs/.")
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(
            help="A run, say of method.name=local: compare with it, and keep its models where better."
        ),
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option(
            help="A run, say of a deployment: clients take part in the rounds in which they did there."
        ),
    ] = None,
) -> None:
    """Train a scenario, and leave config, metrics, checkpoints and a report in a folder of its own.

    With --baseline, each client comes with the model that it left that run with, and leaves with it again where no
    round is better on its validation images.
    """
    from fedmtl import shipped
    from fedmtl.errors import ConfigError
    from fedmtl.run_directory import RunDirectory
    from fedmtl.scenario import load_scenario
    from simulations.bringing import bring_models, check_bringing
    from simulations.finish import read_baseline
    from simulations.preflight import check_scenario

    settings = load_scenario(shipped.find(scenario), overrides or [])
    check_scenario(settings)
    if replay and engine is not EngineName.inprocess:
        raise ConfigError(f"--replay runs in this process; leave --engine {engine.value} out")
    recorded = RunDirectory.open(replay) if replay else None
    compared = read_baseline(baseline) if baseline else None
    source = RunDirectory.open(baseline) if baseline else None
    if source:
        check_bringing(settings, source)
    directory = RunDirectory.create(out or RunDirectory.first_free(Path("runs") / settings.name), settings)
    if source:
        bring_models(directory, source)
    _execute(directory, engine, compared, recorded)


def resume(
    folder: Annotated[Path, typer.Argument(help="The run's folder.")],
    engine: EngineOption = EngineName.inprocess,
    baseline: Annotated[Path | None, typer.Option(help="A run to compare with.")] = None,
) -> None:
    """Go on with a run from its newest checkpoint; a finished one is only reported again."""
    from fedmtl.run_directory import RunDirectory
    from simulations.finish import read_baseline

    _execute(RunDirectory.open(folder), engine, read_baseline(baseline) if baseline else None)


def scenarios() -> None:
    """List the scenarios that come with fedmtl; their files are made to be copied."""
    from rich.console import Console
    from rich.table import Table

    from fedmtl import shipped
    from fedmtl.scenario import load_scenario

    table = Table(box=None)
    table.add_column("name", no_wrap=True)
    table.add_column("clients", justify="right")
    table.add_column("what")
    files = {name: shipped.find(name) for name in shipped.names()}
    for name, file in files.items():
        scenario = load_scenario(file)
        count = sum(client.copies for client in scenario.clients.values())
        table.add_row(name, str(count), scenario.description)
    console = Console()
    console.print(table)
    console.print(
        f"files: {next(iter(files.values())).parent}", soft_wrap=True, highlight=False, markup=False
    )


def _execute(
    directory: RunDirectory,
    engine: EngineName,
    baseline: Baseline | None,
    recorded: RunDirectory | None = None,
) -> None:
    from fedmtl.reporting.departures import fallen_back
    from fedmtl.reporting.progress import Progress
    from fedmtl.reporting.tensorboard import TensorBoardListener
    from simulations.engines import Engine
    from simulations.engines import run as run_engine
    from simulations.finish import departures, earlier_history, final_table, write_full_report
    from simulations.replay import replay as replay_run

    console = wide_console()
    with (
        Progress(history=earlier_history(directory)) as progress,
        TensorBoardListener(directory.tensorboard) as tensorboard,
    ):
        if recorded:
            replay_run(directory, recorded, [progress, tensorboard])
        else:
            run_engine(directory, Engine(engine.value), [progress, tensorboard])
    console.print(final_table(directory, baseline))
    if sentence := fallen_back(departures(directory)):
        console.print(sentence, soft_wrap=True, highlight=False, markup=False)
    console.print(f"report: {write_full_report(directory, baseline)}", soft_wrap=True, highlight=False)
