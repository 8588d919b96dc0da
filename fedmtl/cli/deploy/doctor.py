"""fedmtl deploy doctor: what is wrong with a server or a site, and what to do."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fedmtl.deployment.doctor.finding import Check, Finding


def doctor(
    folder: Annotated[
        Path, typer.Argument(help="The server's or a site's folder, as in the kit.", show_default=False)
    ] = Path(),
    scenario: Annotated[
        str | None,
        typer.Option(help="Scenario to size disk and memory for: a name or a YAML file.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Check a server or a site, before or while it runs; exits with 1 if anything fails, warnings aside."""
    import json
    from dataclasses import asdict

    from fedmtl.deployment.doctor.finding import examine

    checks = _checks(folder.absolute(), scenario)
    logging.getLogger().setLevel(logging.ERROR)  # what a check finds is in its findings
    findings = examine(checks)
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        for finding in findings:
            typer.echo(str(finding))
        typer.echo(_summary(findings))
    if any(finding.status == "fail" for finding in findings):
        raise typer.Exit(1)


def _checks(folder: Path, scenario: str | None) -> list[Check]:
    """Those of a site or of a server, by what lies in the folder."""
    if (folder / "site.yaml").is_file():
        from clients.doctor import site_checks
        from fedmtl.deployment.site_folder import SiteFolder

        return site_checks(SiteFolder(folder), scenario)
    if (folder / "federation.yaml").is_file() and (folder / "tls").is_dir():
        from fedmtl.deployment.server_folder import ServerFolder
        from server.doctor import server_checks

        return server_checks(ServerFolder(folder), scenario)
    raise typer.BadParameter(
        f"{folder} is neither a site's folder, with site.yaml, nor a server's, with federation.yaml and tls",
        param_hint="FOLDER",
    )


def _summary(findings: Sequence[Finding]) -> str:
    failures, warnings = (sum(each.status == status for each in findings) for status in ("fail", "warn"))
    if not failures and not warnings:
        return "nothing is wrong"
    named = [(failures, "failure"), (warnings, "warning")]
    return ", ".join(f"{count} {name}{'s' * (count > 1)}" for count, name in named if count)
