"""The server's folder of a kit: what is where."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fedmtl.deployment.federation import Federation, load_federation
from fedmtl.errors import ConfigError


@dataclass(frozen=True)
class ServerFolder:
    """The paths below `fedmtl deploy server`'s folder."""

    path: Path

    @classmethod
    def open(cls, path: Path) -> ServerFolder:
        """The folder at `path`, where it is a server's.

        Raises:
            ConfigError: it is none.
        """
        folder = cls(path)
        if not (folder.path / "federation.yaml").is_file() or not folder.certificate.parent.is_dir():
            raise ConfigError(
                f"{path.absolute()} is no server's folder of a kit, with federation.yaml and tls: name it with --server"
            )
        return folder

    @cached_property
    def federation(self) -> Federation:
        """The federation.yaml that the kit was made of."""
        return load_federation(self.path / "federation.yaml")

    @property
    def certificate(self) -> Path:
        """The chain that sites see: by the kit's CA, or the organisation's own."""
        return self.path / "tls" / "server.crt"

    @property
    def private_key(self) -> Path:
        return self.path / "tls" / "server.key"

    @property
    def ca(self) -> Path:
        """The CA certificates by which sites know the server."""
        return self.path / "tls" / "ca.crt"

    @property
    def sites(self) -> Path:
        """The public keys of the sites that may take part: a `fedmtl.deployment.registered.Registered`."""
        return self.path / "sites.json"

    @property
    def state(self) -> Path:
        """Mode 0700: SuperLink's database, the runtime secret, FLWR_HOME, the lock, and logs."""
        return self.path / "state"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def runs(self) -> Path:
        """The run directories."""
        return self.path / "runs"
