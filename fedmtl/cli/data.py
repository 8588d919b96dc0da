"""fedmtl data: check a data-set folder, or make one."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

if TYPE_CHECKING:
    from fedmtl.data.check import Report

app = typer.Typer(help="Check a data-set folder, or make one.", no_args_is_help=True)


@app.command()
def check(
    path: Annotated[Path, typer.Argument(help="The data-set folder.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Decode every file of a data-set folder and list what is wrong; exits with 1 if anything is."""
    from fedmtl.data import Folder
    from fedmtl.data.check import inspect

    report = inspect(Folder(str(path)))
    if as_json:
        typer.echo(json.dumps(asdict(report), indent=2))
    else:
        _show(report, path)
    if report.problems:
        raise typer.Exit(1)


@app.command()
def make(
    path: Annotated[Path, typer.Argument(help="The folder to write; it must not exist, or be empty.")],
    kind: Annotated[str, typer.Option(help="The data source to write out.")] = "rooms",
    options: Annotated[list[str] | None, typer.Argument(help="Options of the source, as key=value.")] = None,
) -> None:
    """Write the images and labels of a data source as a data-set folder."""
    from rich.console import Console

    from fedmtl.data import SOURCES, write_folder

    source = SOURCES.build(kind, _parse(options or []), kind)
    write_folder(source, path)
    images = sum(len(source.ids(split)) for split in ("train", "val", "test"))
    Console().print(
        f"{images} images with labels of {', '.join(sorted(source.tasks))} are in {path}",
        markup=False,
        soft_wrap=True,
    )


def _parse(options: list[str]) -> dict[str, Any]:
    from omegaconf import OmegaConf

    from fedmtl.errors import ConfigError

    for option in options:
        if "=" not in option:
            raise ConfigError(f"option '{option}' must have the form key=value")
    return cast("dict[str, Any]", OmegaConf.to_container(OmegaConf.from_dotlist(options)))


def _show(report: Report, path: Path) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(title=str(path), title_justify="left")
    for column in ("split", "task"):
        table.add_column(column)
    for column in ("images", "labelled", "missing", "damaged"):
        table.add_column(column, justify="right")
    for count in report.counts:
        figures = (count.images, count.labelled, count.missing, count.damaged)
        table.add_row(count.split, count.task, *map(str, figures))
    console.print(table)
    for problem in report.problems:
        console.print(str(problem), markup=False, highlight=False, soft_wrap=True)
    found = len(report.problems)
    console.print("nothing is wrong" if not found else f"{found} problem{'s' * (found > 1)}")
