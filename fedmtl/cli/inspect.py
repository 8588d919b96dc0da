"""fedmtl evaluate, predict and report: looking at a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from fedmtl.cli.tables import wide_console

Folder = Annotated[Path, typer.Argument(help="The run's folder.")]


def evaluate(
    folder: Folder,
    split: Annotated[str, typer.Option(help="train, val or test.")] = "val",
    baseline: Annotated[
        Path | None, typer.Option(help="A run of the same clients to measure as well, for Δ.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the metrics as JSON rows.")] = False,
) -> None:
    """Measure the model that every client leaves with on the client's own images.

    That is the one of its best round on validation images; round 0 is the model that it came with. All metrics are
    measured that the field reports, also those that take too long for every round, such as odsF. Δ is of the first one
    of each task, relative to the baseline, in percent, + for better; its mean is over tasks, then clients.
    """
    from fedmtl.errors import ConfigError
    from fedmtl.reporting.deltas import mean_delta
    from fedmtl.reporting.measured import beside, measured_table
    from fedmtl.run_directory import RunDirectory
    from simulations.inspection import evaluate_run

    if split not in ("train", "val", "test"):
        raise ConfigError(f"--split is train, val or test, not '{split}'")
    measured = evaluate_run(RunDirectory.open(folder), split)
    if baseline:
        measured = beside(measured, evaluate_run(RunDirectory.open(baseline), split))
    changes = [{"client": each.client, "delta": each.delta} for each in measured]
    if as_json:
        rows = [each.row(split) | ({"delta": each.delta} if baseline else {}) for each in measured]
        typer.echo(json.dumps(rows, indent=1))
        return
    console = wide_console()
    console.print(measured_table(measured, f"{folder}, {split} images", deltas=baseline is not None))
    if (mean := mean_delta(changes)) is not None:
        console.print(f"mean Δ: {mean:+.1f} %", highlight=False)


def predict(
    folder: Annotated[Path, typer.Argument(help="A run's folder, or an exported model.")],
    images: Annotated[list[Path], typer.Argument(help="Image files.")],
    client: Annotated[str | None, typer.Option(help="Whose model.")] = None,
    tasks: Annotated[
        str | None, typer.Option(help="Tasks to predict, comma-separated; default: the client's.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Where predictions are written.")] = Path("predictions"),
) -> None:
    """Predict image files: per image and task one file as data sets hold it, and a picture to look at.

    Tasks that are of the image as a whole are one JSON file an image, with classes by name and their probabilities.
    """
    from rich.console import Console

    from fedmtl.loading import load
    from simulations.predictions import write_prediction

    model = load(folder, client, tasks.split(",") if tasks else None)
    for image in images:
        for path in write_prediction(model, image, out):
            Console().print(str(path), soft_wrap=True, highlight=False, markup=False)


def report(
    folder: Folder,
    baseline: Annotated[Path | None, typer.Option(help="A run to compare with.")] = None,
) -> None:
    """Write a run's report.html anew."""
    from rich.console import Console

    from fedmtl.run_directory import RunDirectory
    from simulations.finish import read_baseline, write_full_report

    path = write_full_report(RunDirectory.open(folder), read_baseline(baseline) if baseline else None)
    Console().print(f"report: {path}", soft_wrap=True, highlight=False)
