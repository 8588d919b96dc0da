"""A site's folder of a kit: what is where."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fedmtl.deployment.keys import KeyFolder
from fedmtl.deployment.site import SiteConfig, load_site


@dataclass(frozen=True)
class SiteFolder:
    """The paths below `fedmtl deploy site`'s folder, and those that its site.yaml names."""

    path: Path

    @property
    def file(self) -> Path:
        return self.path.absolute() / "site.yaml"

    @cached_property
    def config(self) -> SiteConfig:
        """What site.yaml says."""
        return load_site(self.file)

    @property
    def keys(self) -> KeyFolder:
        return KeyFolder(Path(self.config.keys), self.config.site)

    @property
    def ca(self) -> Path:
        """The CA certificates by which the server is known."""
        return Path(self.config.ca)

    @property
    def roster(self) -> Path:
        """The keys that all sites sign with; it may be missing."""
        return Path(self.config.roster)

    @property
    def state(self) -> Path:
        """Mode 0700: all that is below."""
        return Path(self.config.state)

    @property
    def lock(self) -> Path:
        """Held by the one `fedmtl deploy site` that uses the state."""
        return self.state / "lock"

    @property
    def secret(self) -> Path:
        """Between SuperNode and worker; a new one at every start."""
        return self.state / "runtime.secret"

    @property
    def flower_home(self) -> Path:
        """Flower's own settings (FLWR_HOME)."""
        return self.state / "flower"

    @property
    def ledger(self) -> Path:
        """What was done so far, for the limits."""
        return self.state / "ledger.json"

    @property
    def sent(self) -> Path:
        """The log of everything that was sent."""
        return self.state / "sent.jsonl"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def private(self) -> Path:
        """Private state and best models, a folder for every run; and the model that the site brings."""
        return self.state / "private"
