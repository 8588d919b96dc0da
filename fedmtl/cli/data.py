"""fedmtl data: check a data set, or make one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from fedmtl.cli.tables import wide_console

if TYPE_CHECKING:
    from fedmtl.data.base import Problem
    from fedmtl.data.check import Report

MOST = 3
"""So many files of a folder are named where the same is wrong with more of them."""

app = typer.Typer(help="Check a data set, or make one.", no_args_is_help=True)


@app.command()
def check(
    path: Annotated[Path, typer.Argument(help="The folder: fedmtl's own format, or a published data set.")],
    kind: Annotated[
        str | None, typer.Option(help="The data source, for example nyud; by default what the layout says.")
    ] = None,
    images: Annotated[
        int | None,
        typer.Option(
            min=1, help="Decode this many images, evenly spread; of the rest, check only that files exist."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Decode every file of a data set and list what is wrong; exits with 1 if anything is."""
    from fedmtl.data.check import inspect
    from fedmtl.data.layouts import open_folder

    report = inspect(open_folder(path, kind), most=images)
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
    from omegaconf import OmegaConf
    from rich.console import Console

    from fedmtl.data import SOURCES, write_folder
    from fedmtl.structured import read_options

    settings = cast("dict[str, Any]", OmegaConf.to_container(read_options(options or [], "option")))
    source = SOURCES.build(kind, settings, kind)
    write_folder(source, path)
    images = sum(len(source.ids(split)) for split in ("train", "val", "test"))
    Console().print(
        f"{images} images with labels of {', '.join(sorted(source.tasks))} are in {path}",
        markup=False,
        soft_wrap=True,
    )


def _show(report: Report, path: Path) -> None:
    from rich.table import Table

    console = wide_console()
    console.print(f"{path}: {report.layout}{_sizes(report)}", markup=False, highlight=False, soft_wrap=True)
    table = Table()
    for column in ("split", "task"):
        table.add_column(column)
    for column in ("images", "labelled", "missing", "damaged"):
        table.add_column(column, justify="right")
    for count in report.counts:
        figures = (count.images, count.labelled, count.missing, count.damaged)
        table.add_row(count.split, count.task, *map(str, figures))
    console.print(table)
    for line in (*_grouped(report.problems), *_grouped(report.remarks)):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    found = len(report.problems)
    console.print("nothing is wrong" if not found else f"{found} problem{'s' * (found > 1)}")


def _sizes(report: Report) -> str:
    """The end of a sentence with the usual size of the images."""
    if not report.sizes:
        return ""
    size, count = next(iter(report.sizes.items()))
    others = len(report.sizes) - 1
    return f"; images are {size}" + (f" ({count} of them), and of {others} other sizes" if others else "")


def _grouped(problems: Sequence[Problem]) -> Iterator[str]:
    """A line a problem; of those that are the same for many files of a folder, the first file's."""
    groups: dict[tuple[Path, str], list[Problem]] = {}
    for problem in problems:
        groups.setdefault((Path(problem.path).parent, problem.what), []).append(problem)
    for same in groups.values():
        more = f" (and {len(same) - MOST} more in that folder)" if len(same) > MOST else ""
        yield from map(str, same[: MOST - 1])
        if len(same) >= MOST:
            yield f"{same[MOST - 1]}{more}"
