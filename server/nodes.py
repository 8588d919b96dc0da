"""The nodes that SuperLink lets in: those of the sites in sites.json, and no others."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from fedmtl.deployment.registered import Registered
from server.control import Control, pem_of

logger = logging.getLogger(__name__)


def match_nodes(control: Control, sites: Path) -> Mapping[str, str]:
    """Register and unregister nodes until SuperLink's are those of `sites` (sites.json).

    Whoever else was registered is cut off, be it a site that was revoked or a node that somebody on this machine
    registered by the control API.

    Returns:
        site → registered, online, offline, or, for keys that cannot come back, unregistered.

    Raises:
        ConfigError: `sites` is damaged.
        RunError: SuperLink cannot be reached or refuses.
    """
    wanted = {pem_of(keys.node_key): site for site, keys in Registered.load(sites).sites.items()}
    known = {node.public_key: node for node in control.nodes()}
    for public_key, node in known.items():
        if public_key not in wanted and node.status != "unregistered":
            control.unregister(node)
            logger.warning("node %d (%s) is cut off: it is not in %s", node.id, node.name or "unnamed", sites)
    for public_key, site in wanted.items():
        if public_key not in known:
            control.register(site, public_key)
            logger.info("site %s is registered", site)
    status = {key: node.status for key, node in known.items()}
    return {
        site: status.get(key, "registered") for key, site in sorted(wanted.items(), key=lambda item: item[1])
    }
