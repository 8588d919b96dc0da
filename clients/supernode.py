"""The command line of a Flower SuperNode, as fedmtl runs it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path


def supernode_command(
    host: str, port: int, health_port: int, superlink: str, node_config: Mapping[str, str]
) -> list[str]:
    """A SuperNode without TLS, for loopback alone.

    Args:
        port: of its own Runtime API.
        superlink: host:port.
        node_config: what `clients.site.site_of` reads.
    """
    settings = " ".join(f'{key}="{value}"' for key, value in node_config.items())
    return [
        str(Path(sys.executable).with_name("flower-supernode")),
        "--insecure",
        *("--superlink", superlink),
        *("--host", host, "--port", str(port)),
        *("--health-server-address", f"{host}:{health_port}"),
        *("--node-config", settings),
    ]
