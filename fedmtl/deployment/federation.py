"""federation.yaml: the server of a federation and its sites, as `fedmtl deploy init` reads it."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from omegaconf import MISSING

from fedmtl.deployment.readiness import HOST
from fedmtl.errors import ConfigError
from fedmtl.structured import load_structured

NAME = re.compile(r"\w[\w.-]{0,99}")
"""Of federations and sites: files and folders are called by it."""
HOST_NAME = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}))*"
)
EXAMPLE = """\
name: streets
server:
  host: fl.example.org        # the name or address that sites reach the server by
sites:
  north: {tasks: [semseg, edge]}
  south: {tasks: [depth]}     # public_keys: south.public.json, when it has handed that over
"""
"""A federation.yaml with the least in it."""


@dataclass
class ServerAddress:
    """Where sites reach the server."""

    host: str = MISSING
    """The name or address that the certificate is for."""
    port: int = 8443
    bind: str = "0.0.0.0"
    """The server's own address that the public port is opened on."""
    superlink_port: int = 9091
    """Of Flower's SuperLink with its control API: on loopback alone."""
    health_port: int = 9092
    """Of SuperLink's gRPC health service: on loopback alone."""
    probe_port: int = 9093
    """Of /healthz, /readyz and /metrics (Prometheus)."""
    probe_bind: str = "127.0.0.1"
    """The address that the probe port is opened on; in Kubernetes the pod's, 0.0.0.0."""
    certificate: str = ""
    """One's own certificate chain (PEM), relative to this file; empty: the kit makes a CA and a certificate."""
    private_key: str = ""
    """The certificate's key (PEM), where it is one's own."""
    ca: str = ""
    """The CA certificates (PEM) by which sites know the server, where the certificate is one's own."""

    @property
    def address(self) -> str:
        """host:port, as site.yaml has it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach it: a trial."""
        return self.host == "localhost" or (
            _is_address(self.host) and ipaddress.ip_address(self.host).is_loopback
        )

    @property
    def ports(self) -> dict[str, tuple[str, int]]:
        """Key → the address and the port that the server opens."""
        return {
            "port": (self.bind, self.port),
            "superlink_port": (HOST, self.superlink_port),
            "health_port": (HOST, self.health_port),
            "probe_port": (self.probe_bind, self.probe_port),
        }


@dataclass
class SiteEntry:
    """One site that may take part."""

    tasks: list[str] = field(default_factory=list)
    """What it is expected to label; site.yaml is prepared with them. The site decides."""
    public_keys: str = ""
    """What the site's `fedmtl deploy keygen` made public, a file relative to this one; empty: not handed over yet."""


@dataclass
class Federation:
    """A server and its sites."""

    name: str = MISSING
    server: ServerAddress = field(default_factory=ServerAddress)
    sites: dict[str, SiteEntry] = field(default_factory=dict)


def load_federation(path: Path) -> Federation:
    """Read and check a federation.yaml.

    Raises:
        ConfigError: it cannot be read, a key is unknown or missing, or a value is out of range.
    """
    federation = load_structured(path, Federation)
    for key, broken in _broken_rules(federation):
        raise ConfigError(f"{path}: {key} {broken}")
    return federation


def _broken_rules(federation: Federation) -> Iterator[tuple[str, str]]:
    if not NAME.fullmatch(federation.name):
        yield "name", f"must be letters and digits, and . _ - after the first, not '{federation.name}'"
    if not federation.sites:
        yield "sites", "must name at least one site"
    for site in federation.sites:
        if not NAME.fullmatch(site):
            yield "sites", f"must be named by letters and digits, and . _ - after the first, not '{site}'"
    server = federation.server
    if not _is_address(server.host) and not HOST_NAME.fullmatch(server.host):
        yield "server.host", f"must be a host name or an IP address, not '{server.host}'"
    for key in ("bind", "probe_bind"):
        if not _is_address(getattr(server, key)):
            yield f"server.{key}", f"must be an IP address, not '{getattr(server, key)}'"
    ports = {
        "port": server.port,
        "superlink_port": server.superlink_port,
        "health_port": server.health_port,
        "probe_port": server.probe_port,
    }
    for key, port in ports.items():
        if not 1 <= port <= 65535:
            yield f"server.{key}", f"must be from 1 to 65535, not {port}"
    if len(set(ports.values())) < len(ports):
        yield (
            "server",
            "must have a port of its own for each of port, superlink_port, health_port and probe_port",
        )
    own = [server.certificate, server.private_key, server.ca]
    if any(own) and not all(own):
        yield "server", "must name certificate, private_key and ca together, or none of them"


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
