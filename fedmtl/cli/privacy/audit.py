"""fedmtl privacy audit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from fedmtl.cli.tables import table_of, wide_console


def audit(
    target: Annotated[
        str,
        typer.Argument(help="A run's folder, or a scenario's name (see 'fedmtl scenarios') or YAML file."),
    ],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="Settings of a scenario to change, as key=value.")
    ] = None,
    name: Annotated[
        str, typer.Option("--audit", help="inversion, membership (of a run) or canary.")
    ] = "inversion",
    options: Annotated[
        list[str] | None, typer.Option("--option", help="A setting of the audit, as key=value.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Where findings and a page of them go; default: into the run, if it is one."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Attack what a federation gives away, and say what was found.

    A run's findings are kept in its folder and shown in its report.
    """
    from tempfile import TemporaryDirectory

    from omegaconf import OmegaConf

    from fedmtl import shipped
    from fedmtl.errors import ConfigError
    from fedmtl.reporting.audits import FOLDER, plain, read_findings, save_findings, write_page
    from fedmtl.run_directory import RunDirectory
    from fedmtl.scenario import load_scenario
    from fedmtl.structured import read_options
    from simulations.audits import AUDITS
    from simulations.finish import write_full_report

    run = RunDirectory.open(Path(target)) if Path(target).is_dir() else None
    if run and overrides:
        raise ConfigError(f"{target} is a run, whose settings cannot be changed; leave {overrides[0]} out")
    scenario = run.scenario if run else load_scenario(shipped.find(target), overrides or [])
    settings = cast(dict[str, Any], OmegaConf.to_container(read_options(options or [], "--option")))
    chosen = AUDITS.build(name, settings, "--option")
    with TemporaryDirectory(prefix="fedmtl-audit-") as folder:
        found = chosen.examine(scenario, run, Path(folder))
    kept = out or (run.path / FOLDER if run else None)
    if kept:
        save_findings(kept, found)
    if out:
        write_page(out / "audit.html", scenario.name, read_findings(out))
    elif run:
        write_full_report(run)
    if as_json:
        typer.echo(json.dumps(plain(found), indent=1))
        return
    console = wide_console()
    console.print(table_of(found.rows, found.columns, found.title))
    console.print(found.verdict, soft_wrap=True, highlight=False, markup=False)
    if kept:
        page = out / "audit.html" if out else kept.parent / "report.html"
        console.print(f"page: {page}", soft_wrap=True, highlight=False)
