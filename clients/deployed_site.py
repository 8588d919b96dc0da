"""The site behind a site.yaml."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from clients.rules import Rules
from clients.site import Site, make_sites
from fedmtl.config import ClientConfig, DataConfig, Scenario
from fedmtl.deployment.keys import KeyFolder
from fedmtl.deployment.roster import load_roster
from fedmtl.deployment.site_folder import SiteFolder
from fedmtl.errors import ConfigError


def deployed_site(path: Path) -> Site:
    """The site that the site.yaml at `path` describes; made once per process and text, with the data decoded since.

    Raises:
        ConfigError: the file is wrong, or asks for a task or images that its source does not have.
        DataError: the source cannot be opened, or has no training or no validation images.
    """
    try:
        roster = SiteFolder(path.parent).roster
        return _made(path, path.read_bytes(), roster.read_bytes() if roster.exists() else None)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error


@lru_cache(maxsize=1)
def _made(path: Path, text: bytes, roster: bytes | None) -> Site:
    """As for the one client of a scenario, all of whose source is its own."""
    config = SiteFolder(path.parent).config
    data = config.data
    client = ClientConfig(
        config.site,
        config.tasks,
        [],
        data.train_images,
        data.val_images,
        domain=config.domain,
        privacy=config.privacy,
    )
    scenario = Scenario(
        name=config.site,
        data=DataConfig(
            {config.site: data.source},
            holdout=data.holdout,
            workers=data.workers,
            cache=data.cache,
            cache_folder=data.cache_folder,
        ),
        clients={config.site: client},
    )
    try:
        site = make_sites(scenario)[config.site]
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error
    key = KeyFolder(Path(config.keys), config.site).load_roster()
    return replace(
        site,
        key=key,
        rules=Rules(config.limits, site.tasks, config.device, config.threads),
        roster=load_roster(Path(config.roster)),
    )
