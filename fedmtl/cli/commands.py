"""All commands under one."""

from __future__ import annotations

from typing import Annotated

import typer

from fedmtl import __version__
from fedmtl.cli import benchmark, compare, data, deploy, dry_run, export, inspect, privacy, run

app = typer.Typer(
    help="Train one multi-task vision model across sites that share neither images nor labels.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    epilog="--debug anywhere shows tracebacks and Flower's log.",
)
app.command()(run.run)
app.command()(dry_run.dry_run)
app.command()(run.resume)
app.command()(run.scenarios)
app.command()(inspect.evaluate)
app.command()(inspect.predict)
app.command()(inspect.report)
app.command()(export.export)
app.command()(compare.compare)
app.command()(benchmark.benchmark)
app.add_typer(data.app, name="data")
app.add_typer(deploy.app, name="deploy")
app.add_typer(privacy.app, name="privacy")


def _show_version(value: bool) -> None:
    if value:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """What stands before a command."""
