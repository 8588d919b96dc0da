"""fedmtl benchmark."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Annotated

import typer

from fedmtl.cli.tables import table_of, wide_console


def benchmark(
    name: Annotated[
        str,
        typer.Argument(
            help="aggregation, attention, attention-profile, attention-scaling, boundaries, codecs, engines, "
            "loading, new-tasks, pooled, private-real, private-rooms, private-step, robustness, rooms, secure-sums "
            "or training-step."
        ),
    ],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Settings of the scenario that it runs, as key=value.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array of flat rows.")] = False,
) -> None:
    """Measure speed (medians, interleaved where things are compared), what codecs, noise and attacks cost, and what
    others' heads or images would give.
    """
    from simulations.benchmarks import make_table, run_benchmark

    rows = run_benchmark(name, overrides or [])
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    console = wide_console()
    # What says the same thing first, be it of an implementation or of a codec, is compared.
    for _, alike in groupby(make_table(name, rows), key=lambda row: next(iter(row))):
        console.print(table_of(list(alike)))
