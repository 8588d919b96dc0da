"""site.yaml: what one site brings, and what it allows; no server can change a word of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import MISSING

from fedmtl.config import CacheKind
from fedmtl.config.privacy import ExamplePrivacyConfig
from fedmtl.deployment.federation import NAME
from fedmtl.deployment.readiness import HOST
from fedmtl.errors import ConfigError
from fedmtl.privacy.example_level import broken_rules
from fedmtl.structured import load_structured


@dataclass
class SiteData:
    """The site's images and labels."""

    source: dict[str, Any] = field(default_factory=dict)
    """{kind, and that kind's options}, as in a scenario: {kind: folder, path: /data/street}."""
    holdout: float = 0.0
    """Share of the training images that is validation data instead; 0: the source's own lists."""
    train_images: int | None = None
    val_images: int | None = None
    """At most so many."""
    workers: int = 0
    """Loader processes, or threads once all images are kept decoded; 0 loads in the training process."""
    cache: CacheKind = CacheKind.memory
    """Where decoded, resized images are kept."""
    cache_folder: str = ""
    """The folder of `cache: disk`; empty: fedmtl's own in the user's cache."""


@dataclass
class Limits:
    """What the site does for others at most; unset: no limit. Beyond it, the site answers with a refusal."""

    rounds: int | None = None
    """Rounds of training, in all runs together."""
    seconds: float | None = None
    """Seconds of training and evaluation, in all runs together."""
    megabytes: float | None = None
    """Megabytes of updates and statistics sent, in all runs together."""
    round_seconds: float | None = 3600.0
    """Seconds that one message of the server may take; a round that takes longer is ended."""
    round_megabytes: float | None = None
    """Megabytes sent in one answer."""
    methods: list[str] = field(default_factory=list)
    """Names of the methods that the site takes part in; empty: any that its fedmtl has."""
    weights: list[str] = field(default_factory=lambda: ["scratch", "package"])
    """What model.backbone.weights may be. With timm, the site downloads timm's; a path is never opened."""
    secure_sums: bool = False
    """Only runs with `privacy.secure_sums`: updates, counts and metrics leave masked, or not at all."""
    min_holders: int = 1
    """A group leaves if so many clients train it, this one among them."""
    private: list[str] = field(default_factory=list)
    """Parameter groups that must never leave, as shell-style patterns, for example head/*; a run whose method would
    send one is refused."""


@dataclass
class SiteConfig:
    """One site of a deployment."""

    site: str = MISSING
    """The name that the federation knows it by."""
    server: str = MISSING
    """host:port."""
    data: SiteData = field(default_factory=SiteData)
    domain: str = "any"
    """What kind of images it has, by a name that sites agree on; methods may share more within a domain."""
    tasks: list[str] = field(default_factory=list)
    """The tasks that the site offers; empty: all that its data has."""
    device: str = "auto"
    """auto: CUDA where there is one."""
    threads: int = 0
    """torch threads; 0: torch's own choice."""
    keys: str = "keys"
    """The folder that `fedmtl deploy keygen` filled."""
    ca: str = "ca.crt"
    """The CA certificates (PEM) by which the server is known."""
    roster: str = "roster.json"
    """The keys that all sites sign with, from whoever made the kit; without it, the server is relied on for the others'
    keys under secure sums."""
    state: str = "state"
    """The folder for private state, the best model, logs, and the log of all that was sent."""
    runtime_port: int = 9094
    """Of the SuperNode's runtime API: on loopback alone, behind a secret."""
    health_port: int = 9095
    """Of the SuperNode's gRPC health service: on loopback alone."""
    proxy: str = ""
    """The outbound proxy, http://host:port; empty: what the environment says (HTTPS_PROXY, NO_PROXY)."""
    limits: Limits = field(default_factory=Limits)
    privacy: ExamplePrivacyConfig | None = None
    """Differential privacy of the site's training images, whatever a run asks for; unset: none."""

    @property
    def ports(self) -> dict[str, tuple[str, int]]:
        """Key → the address and the port that the site opens."""
        return {"runtime_port": (HOST, self.runtime_port), "health_port": (HOST, self.health_port)}


def load_site(path: Path) -> SiteConfig:
    """Read and check a site.yaml; its paths come back absolute, relative ones from the file's folder.

    Raises:
        ConfigError: it cannot be read, a key is unknown or missing, or a value is out of range.
    """
    site = load_structured(path, SiteConfig)
    for key, broken in _broken_rules(site):
        raise ConfigError(f"{path}: {key} {broken}")
    folder = path.absolute().parent
    for key in ("keys", "ca", "roster", "state"):
        setattr(site, key, str(folder / getattr(site, key)))
    if isinstance(given := site.data.source.get("path"), str):
        site.data.source["path"] = str(folder / Path(given).expanduser())
    if site.data.cache_folder:
        site.data.cache_folder = str(folder / Path(site.data.cache_folder).expanduser())
    return site


def _broken_rules(site: SiteConfig) -> Iterator[tuple[str, str]]:
    if not NAME.fullmatch(site.site):
        yield "site", f"must be letters and digits, and . _ - after the first, not '{site.site}'"
    if not NAME.fullmatch(site.domain):
        yield "domain", f"must be letters and digits, and . _ - after the first, not '{site.domain}'"
    host, _, port = site.server.rpartition(":")
    if not (host and port.isdecimal() and 1 <= int(port) <= 65535):
        yield "server", f"must be host:port, not '{site.server}'"
    if not isinstance(site.data.source.get("kind"), str):
        yield "data.source.kind", "is not set"
    if not 0 <= site.data.holdout < 1:
        yield "data.holdout", f"must be in [0, 1), not {site.data.holdout}"
    if site.runtime_port == site.health_port:
        yield "health_port", "must be another than runtime_port"
    for key in ("runtime_port", "health_port"):
        if not 1 <= getattr(site, key) <= 65535:
            yield key, f"must be from 1 to 65535, not {getattr(site, key)}"
    for key, value in {"data.workers": site.data.workers, "threads": site.threads}.items():
        if value < 0:
            yield key, f"must be 0 or more, not {value}"
    yield from broken_rules(site.privacy)
    limits = site.limits
    if odd := sorted(set(limits.weights) - {"scratch", "package", "timm"}):
        yield "limits.weights", f"may have scratch, package and timm, not '{odd[0]}'"
    if limits.min_holders < 1:
        yield "limits.min_holders", f"must be at least 1, not {limits.min_holders}"
    for key in ("rounds", "seconds", "megabytes", "round_seconds", "round_megabytes"):
        value = getattr(limits, key)
        if value is not None and not 0 <= value < math.inf:
            yield f"limits.{key}", f"must be 0 or more, and finite, not {value}"
