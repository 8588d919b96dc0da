"""The command lines of a Flower SuperNode, as fedmtl runs it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from fedmtl.deployment.readiness import HOST
from fedmtl.deployment.site_folder import SiteFolder

_PROGRAM = str(Path(sys.executable).with_name("flower-supernode"))


def supernode_command(
    host: str, port: int, health_port: int, superlink: str, node_config: Mapping[str, str]
) -> list[str]:
    """A SuperNode without TLS, for loopback alone.

    Args:
        port: of its own Runtime API.
        superlink: host:port.
        node_config: what `clients.node.site_of` reads.
    """
    settings = " ".join(f'{key}="{value}"' for key, value in node_config.items())
    return [
        _PROGRAM,
        "--insecure",
        *("--superlink", superlink),
        *("--host", host, "--port", str(port)),
        *("--health-server-address", f"{host}:{health_port}"),
        *("--node-config", settings),
    ]


def deployed_supernode_command(folder: SiteFolder) -> list[str]:
    """The SuperNode of a site: TLS, its node key, and tasks only for who knows the site's secret."""
    config = folder.config
    return [
        *(sys.executable, "-P", "-m", "clients.supernode_process"),
        *("--superlink", config.server),
        *("--root-certificates", str(folder.ca)),
        *("--auth-supernode-private-key", str(folder.keys.node_key)),
        *("--isolation", "process"),
        *("--superexec-auth-secret-file", str(folder.secret)),
        *("--host", HOST, "--port", str(config.runtime_port)),
        *("--health-server-address", f"{HOST}:{config.health_port}"),
    ]
