"""The command line of a Flower SuperLink, as fedmtl runs it."""

from __future__ import annotations

import sys
from pathlib import Path


def superlink_command(host: str, port: int, health_port: int, *, simulation: bool) -> list[str]:
    """A SuperLink without TLS, for loopback alone.

    Args:
        port: of the Fleet, Control and Runtime APIs.
        health_port: of the gRPC health service.
        simulation: run clients on Ray instead of waiting for SuperNodes.
    """
    command = [
        str(Path(sys.executable).with_name("flower-superlink")),
        "--insecure",
        "--disable-runtime-dependency-installation",
        *("--host", host, "--port", str(port)),
        *("--health-server-address", f"{host}:{health_port}"),
    ]
    return [*command, "--simulation"] if simulation else command
