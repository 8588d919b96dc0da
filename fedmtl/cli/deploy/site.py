"""fedmtl deploy site: a site of a federation, and what it would send."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fedmtl.deployment.site_folder import SiteFolder


def site(
    folder: Annotated[Path, typer.Argument(help="The site's folder, with site.yaml.")] = Path(),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would leave the site, without any connection.")
    ] = False,
    scenario: Annotated[
        str | None, typer.Option(help="With --dry-run: of which scenario; a name or a YAML file.")
    ] = None,
) -> None:
    """Take part in the federation until SIGTERM or Ctrl-C."""
    from fedmtl.deployment.site_folder import SiteFolder

    here = SiteFolder(folder)
    if dry_run:
        _show_departures(here, scenario)
        return
    from clients.deployment import run_site

    talk = logging.getLogger("fedmtl.deployment")
    talk.setLevel(logging.INFO)
    lines = logging.StreamHandler(sys.stdout)
    lines.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    talk.addHandler(lines)
    talk.propagate = False
    config = here.config
    talk.info("site %s of the server at %s; logs in %s", config.site, config.server, here.logs)
    talk.info("'fedmtl deploy doctor %s' says what is wrong, if anything is", folder)
    run_site(here)
    talk.info("stopped")


def _show_departures(folder: SiteFolder, scenario: str | None) -> None:
    import json

    from rich.console import Console
    from rich.table import Table

    from clients.dry_run import departures

    found = departures(folder, scenario)
    console = Console()
    console.print("When the server asks who is there, it is told:", highlight=False)
    console.print_json(found.description.to_json())
    table = Table("group", "bytes", title="What a round of training sends at most", title_justify="left")
    for group, size in found.groups.items():
        table.add_row(group, f"{size:,}")
    table.add_row("together", f"{sum(found.groups.values()):,}")
    console.print(table)
    table = Table("task", "numbers a split", title="What an evaluation sends", title_justify="left")
    for task, numbers in found.statistics.items():
        table.add_row(task, f"{numbers:,}")
    console.print(table)
    console.print(f"Trained here and never sent: {', '.join(found.kept) or 'nothing'}", highlight=False)
    if (settings := folder.config.privacy) is not None:
        from clients.example_privacy import LEDGER
        from fedmtl.privacy.example_ledger import ExampleLedger

        spent = ExampleLedger(folder.private / LEDGER, settings).spent()
        console.print(
            f"Privacy of images: {json.dumps(vars(settings))}; training has cost {spent:.4g} so far",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
    console.print(
        f"Limits: {json.dumps(vars(folder.config.limits))}", highlight=False, markup=False, soft_wrap=True
    )
