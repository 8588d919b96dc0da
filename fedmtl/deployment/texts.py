"""The texts of a kit, from fedmtl/deployment/templates."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

import fedmtl
from fedmtl.deployment.federation import Federation
from fedmtl.deployment.readiness import loopback_of
from fedmtl.deployment.site import SiteConfig

INSTALLED = "/opt/fedmtl"
"""Where the systemd units expect the folders `server` and `site`."""
PACKAGE = "fedmtl[imagenet,privacy,torchjd]"
"""What both sides install: with all that a run may ask of either."""
SERVER_FILES = {
    "README.md": "server/README.md.j2",
    "start.sh": "start.sh.j2",
    "fedmtl-server.service": "fedmtl.service.j2",
    "compose.yaml": "server/compose.yaml.j2",
    "Containerfile": "Containerfile.j2",
    ".dockerignore": "dockerignore.j2",
    "nginx.conf": "server/nginx.conf.j2",
}
SITE_FILES = {
    "README.md": "site/README.md.j2",
    "site.yaml": "site/site.yaml.j2",
    "start.sh": "start.sh.j2",
    "fedmtl-site.service": "fedmtl.service.j2",
    "compose.yaml": "site/compose.yaml.j2",
    "Containerfile": "Containerfile.j2",
    ".dockerignore": "dockerignore.j2",
}


def server_texts(federation: Federation) -> dict[str, str]:
    """File name → text, for the server's folder."""
    server = federation.server
    own = bool(server.certificate)
    return _render(
        SERVER_FILES,
        role="server",
        federation=federation,
        installed=f"{INSTALLED}/server",
        writable=[f"{INSTALLED}/server/{folder}" for folder in ("state", "runs")],
        stop_seconds=40,
        own=own,
        nginx_host=_bracketed(server.host),
        certified=server.host if own else "localhost",
        probe=f"{_bracketed(loopback_of(server.probe_bind))}:{server.probe_port}",
    )


def site_texts(federation: Federation, site: str, *, dev_keys: bool) -> dict[str, str]:
    """File name → text, for the folder of a site.

    Args:
        dev_keys: its keys are made with the kit.
    """
    return _render(
        SITE_FILES,
        role="site",
        federation=federation,
        site=site,
        tasks=federation.sites[site].tasks,
        installed=f"{INSTALLED}/site",
        writable=[f"{INSTALLED}/site/state"],
        stop_seconds=40,
        ports=_ports(federation, site),
        dev_keys=dev_keys,
    )


def _ports(federation: Federation, site: str) -> list[int]:
    """The site's own two; of a server that only this machine can reach, all sites are on it, and each has others."""
    usual = [SiteConfig.runtime_port, SiteConfig.health_port]
    place = list(federation.sites).index(site) if federation.server.on_loopback else 0
    return [port + len(usual) * place for port in usual]


def _render(files: dict[str, str], **context: Any) -> dict[str, str]:
    context |= {"python": f"{sys.version_info.major}.{sys.version_info.minor}", "package": PACKAGE}
    context |= {"version": fedmtl.__version__}
    return {name: _environment().get_template(template).render(context) for name, template in files.items()}


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("fedmtl", "deployment/templates"),
        autoescape=False,  # plain texts; what is filled in was checked, or is quoted in the template
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _bracketed(host: str) -> str:
    """A host as it stands before a port."""
    return f"[{host}]" if ":" in host else host
