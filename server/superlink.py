"""The command lines of a Flower SuperLink, as fedmtl runs it, and what every process of Flower is told."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from fedmtl.deployment.readiness import HOST


def flower_environment(home: Path) -> Mapping[str, str]:
    """Nothing phones home, nothing is installed while it runs, and the user's FLWR_HOME is not touched."""
    return {
        "FLWR_HOME": str(home),
        "FLWR_TELEMETRY_ENABLED": "0",
        "FLWR_DISABLE_UPDATE_CHECK": "1",
        "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
        # Flower starts its own commands by name.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
    }


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


def secured_superlink_command(
    port: int, health_port: int, *, certificate: Path, private_key: Path, secret: Path, database: Path
) -> list[str]:
    """A SuperLink of a deployment: on loopback, with TLS, for registered nodes alone, tasks behind a secret.

    Args:
        certificate: its own, self-signed, so that it is its CA's as well.
        secret: the file of what whoever takes a ServerApp's task has to know.
        database: remembers nodes over a restart.
    """
    return [
        str(Path(sys.executable).with_name("flower-superlink")),
        "--disable-runtime-dependency-installation",
        "--enable-supernode-auth",
        *("--isolation", "process", "--superexec-auth-secret-file", str(secret)),
        *("--ssl-certfile", str(certificate), "--ssl-keyfile", str(private_key)),
        *("--ssl-ca-certfile", str(certificate)),
        *("--database", str(database)),
        *("--host", HOST, "--port", str(port)),
        *("--health-server-address", f"{HOST}:{health_port}"),
    ]
