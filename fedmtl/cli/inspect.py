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
    as_json: Annotated[bool, typer.Option("--json", help="Print the metrics as JSON rows.")] = False,
) -> None:
    """Measure the model that every client leaves with on the client's own images.

    That is the one of its best round on validation images; round 0 is the model that it came with.
    """
    from rich.table import Table

    from fedmtl.errors import ConfigError
    from fedmtl.run_directory import RunDirectory
    from simulations.inspection import evaluate_run

    if split not in ("train", "val", "test"):
        raise ConfigError(f"--split is train, val or test, not '{split}'")
    measured = evaluate_run(RunDirectory.open(folder), split)
    if as_json:
        rows = [
            {
                "client": m.client,
                "task": m.task,
                "round": m.round,
                "split": split,
                "images": m.images,
                **m.metrics,
            }
            for m in measured
        ]
        typer.echo(json.dumps(rows, indent=1))
        return
    table = Table(
        "client",
        "task",
        "round",
        "images",
        "metrics",
        title=f"{folder}, {split} images",
        title_justify="left",
    )
    for m in measured:
        ordered = sorted(m.metrics.items(), key=lambda item: item[0] != m.primary)
        table.add_row(
            m.client,
            m.task,
            str(m.round),
            str(m.images),
            "  ".join(f"{name} {value:.4g}" for name, value in ordered),
        )
    wide_console().print(table)


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
