"""Which sites may take part: what they handed over, against what is registered and what was revoked."""

from __future__ import annotations

from collections.abc import Mapping

from fedmtl.deployment.federation import Federation
from fedmtl.deployment.keys import SiteKeys
from fedmtl.deployment.registered import Registered, Revoked
from fedmtl.errors import ConfigError


def register(
    federation: Federation, handed: Mapping[str, SiteKeys], registered: Registered, revoked: Revoked
) -> tuple[Registered, list[str]]:
    """The sites of the federation that have handed over keys, and what is worth telling about each.

    A site that was registered earlier and hands over nothing now stays as it is.

    Args:
        handed: site → its keys.

    Raises:
        ConfigError: two sites have the same key, or a registered site is missing in the federation: a line that was
            lost must not cut a site off, and a site that is to go is revoked.
    """
    news = []
    for site, keys in registered.sites.items():
        if keys in revoked:
            registered = registered.revoke(site)
        elif site not in federation.sites:
            raise ConfigError(
                f"site '{site}' is registered and not in federation.yaml: put it back, or remove it for good with "
                f"'fedmtl deploy revoke KIT {site}'"
            )
    for site in federation.sites:
        earlier, now = registered.sites.get(site), handed.get(site)
        if now is None:
            if earlier is None:
                news.append(
                    f"site {site} is not registered: name its public file in federation.yaml when it comes"
                )
        elif now in revoked:
            news.append(
                f"site {site} stays out, because its keys were revoked: give it new ones, or take it out of "
                "federation.yaml"
            )
        elif now != earlier:
            registered = registered.add(site, now)
            how = "new keys in place of earlier ones" if earlier else "keys"
            news.append(f"site {site} is registered with {how}; compare by telephone: {now.fingerprint}")
    return registered, news
