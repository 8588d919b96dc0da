"""fedmtl benchmark."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def benchmark(
    name: Annotated[
        str,
        typer.Argument(
            help="aggregation, attention, attention-profile, attention-scaling, boundaries, codecs, engines, "
            "new-tasks, robustness, rooms, secure-sums or training-step."
        ),
    ],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Settings of the scenario that it runs, as key=value.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array of flat rows.")] = False,
) -> None:
    """Measure speed (medians, interleaved where things are compared), what codecs and attacks cost, what heads give."""
    from rich.console import Console
    from rich.table import Table

    from simulations.benchmarks import make_table, run_benchmark

    rows = run_benchmark(name, overrides or [])
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    rows = make_table(name, rows)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    table = Table(*columns)
    for row in rows:
        table.add_row(
            *(
                f"{value:.4g}" if isinstance(value := row.get(key, ""), float) else str(value)
                for key in columns
            )
        )
    Console().print(table)
