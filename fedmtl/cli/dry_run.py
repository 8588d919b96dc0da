"""fedmtl dry-run."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fedmtl.cli.tables import wide_console

if TYPE_CHECKING:
    from rich.table import Table

    from simulations.dry_run import DryRun


def dry_run(
    scenario: Annotated[str, typer.Argument(help="A scenario's name (see 'fedmtl scenarios') or YAML file.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="Settings to change, as key=value.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Check a scenario's data, build every client's model, take one step of each, and say what a run would take."""
    from fedmtl import shipped
    from fedmtl.reporting.units import duration, size
    from fedmtl.scenario import load_scenario
    from simulations.dry_run import dry_run as try_out

    found = try_out(load_scenario(shipped.find(scenario), overrides or []))
    if as_json:
        typer.echo(json.dumps(_row(found), indent=1))
        return
    console = wide_console()
    console.print(_table(found))
    for line in (
        f"a round: {size(found.bytes_up)} up, {size(found.bytes_down)} down",
        f"{found.rounds} rounds with {found.evaluations} evaluations, one client after another on {found.device}: "
        f"about {duration(found.seconds)}",
    ):
        console.print(line, soft_wrap=True, highlight=False, markup=False)


def _row(found: DryRun) -> dict[str, Any]:
    totals = {"seconds": found.seconds, "bytes_up": found.bytes_up, "bytes_down": found.bytes_down}
    row = asdict(found)
    row["clients"] = [client | client.pop("rehearsal") for client in row["clients"]]
    return row | totals


def _table(found: DryRun) -> Table:
    from rich.table import Table

    from fedmtl.reporting.units import size

    table = Table("client", box=None)
    table.add_column("tasks", overflow="fold")
    for column in ("train", "val", "parameters", "steps a round", "s a step", "peak memory", "up", "down"):
        table.add_column(column, justify="right")
    for client in found.clients:
        taken = client.rehearsal
        table.add_row(
            client.client,
            ", ".join(client.tasks),
            str(client.train_images),
            str(client.val_images),
            f"{taken.parameters:,}",
            str(client.steps),
            f"{taken.step_seconds:.3g}",
            size(taken.peak_bytes),
            size(taken.bytes_up),
            size(taken.bytes_down),
        )
    return table
