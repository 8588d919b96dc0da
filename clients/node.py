"""Which site the node that runs this ClientApp is."""

from __future__ import annotations

from pathlib import Path

from flwr.app import Context

from clients.deployed_site import deployed_site
from clients.site import Site, sites_of
from fedmtl.deployment.site_folder import SiteFolder
from fedmtl.errors import ConfigError, did_you_mean
from fedmtl.snapshots import Snapshots
from fedmtl.submission import run_folder


def site_of(context: Context) -> tuple[Site, Snapshots]:
    """The site of the node that runs this ClientApp, and where its private state is kept.

    In simulation, the node's partition picks the client out of the scenario in the run directory, which the run's
    config means. On a SuperNode, the node config names the site's own file, `site`; or, in a rehearsal, the `client`,
    its `scenario` file, and the folder for its private `state`.

    Raises:
        ConfigError: the configs do not say which client this is, or the scenario has no such client.
    """
    node = context.node_config
    if "site" in node:
        path = Path(str(node["site"]))
        return deployed_site(path), Snapshots(SiteFolder(path.parent).private)
    if "client" in node:
        if "scenario" not in node or "state" not in node:
            raise ConfigError(
                f"the node config of client '{node['client']}' must name its scenario and its state"
            )
        scenario, client, state = Path(str(node["scenario"])), str(node["client"]), Path(str(node["state"]))
        sites = _read_sites(scenario)
        if client not in sites:
            raise ConfigError(f"{scenario} has no client '{client}'; {did_you_mean(client, sites)}")
    elif "partition-id" in node:
        run, index = run_folder(context.run_config, context.run_id), int(node["partition-id"])
        sites, state = _read_sites(run / "config.yaml"), run / "checkpoints" / "clients"
        if index >= len(sites):
            enough = f"num-supernodes={len(sites)} is enough"
            raise ConfigError(f"the scenario has {len(sites)} clients, and this is node {index}: {enough}")
        client = sorted(sites)[index]
    else:
        raise ConfigError("the node config names no client")
    return sites[client], Snapshots(state / client)


def _read_sites(path: Path) -> dict[str, Site]:
    try:
        return sites_of(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
