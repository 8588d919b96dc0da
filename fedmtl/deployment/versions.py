"""What a server and a site must have in common to work together: versions, and the Flower app."""

from __future__ import annotations

from importlib.metadata import version

import msgspec

import fedmtl

VERSIONS_PATH = "/v1/fleet/fedmtl-versions"
"""Where the server's public port says them: among the paths that reverse proxies pass on already."""


class Versions(msgspec.Struct, frozen=True):
    """The versions of packages, and the hash of the app that is submitted."""

    fedmtl: str
    flwr: str
    app: str

    @classmethod
    def installed(cls, app: str) -> Versions:
        """Those of this environment, with the hash of its app."""
        return cls(fedmtl.__version__, version("flwr"), app)
