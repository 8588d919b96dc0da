"""fedmtl deploy init, keygen and revoke: the kit of a federation, and the keys of its sites."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def init(
    federation: Annotated[
        Path | None,
        typer.Argument(help="federation.yaml: the server's address and the sites.", show_default=False),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="The kit's folder; one that is there is brought up to date.")
    ] = Path("kit"),
    dev_keys: Annotated[
        bool, typer.Option("--dev-keys", help="Make the sites' keys as well: for trials alone.")
    ] = False,
) -> None:
    """Write the kit of a federation: a folder for the server, and one for each site."""
    from datetime import UTC, datetime

    from fedmtl.deployment.federation import EXAMPLE
    from fedmtl.deployment.kit import Kit
    from fedmtl.errors import ConfigError

    if federation is None:
        raise ConfigError(
            f"name a federation.yaml: fedmtl deploy init federation.yaml --out kit; the least in it is\n\n{EXAMPLE}"
        )
    kit = Kit(out)
    for line in kit.make(federation, datetime.now(UTC), dev_keys=dev_keys):
        typer.echo(line)
    typer.echo(
        f"{kit.server.path} is for the server, {kit.path / 'sites'} has a folder for each site; start with README.md"
    )


def keygen(
    folder: Annotated[Path, typer.Argument(help="The site's folder, with site.yaml.")] = Path(),
) -> None:
    """Make a site's keys, and the one file that it hands over; keys that are there stay."""
    from fedmtl.deployment.site_folder import SiteFolder

    keys = SiteFolder(folder).keys
    fingerprint = keys.make().fingerprint
    typer.echo(f"hand over {keys.public} to the server's operator, and nothing else in {keys.path}")
    typer.echo(f"tell them by telephone: {fingerprint}")


def revoke(
    kit: Annotated[Path, typer.Argument(help="The kit's folder, as of init.")],
    site: Annotated[str, typer.Argument(help="Whose keys count no longer.")],
) -> None:
    """Cut a site off for good: its keys can never be registered again."""
    from fedmtl.deployment.kit import Kit

    made = Kit(kit)
    news = made.revoke(site)
    typer.echo(
        f"site {site} is revoked: a server that runs in {made.server.path} cuts it off by itself; to one elsewhere, "
        f"copy {made.server.sites}"
    )
    typer.echo(f"take {site} out of federation.yaml; with new keys in it, the site could take part again")
    for line in news:
        typer.echo(line)
