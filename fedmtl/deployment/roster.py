"""roster.json: the keys that all sites of a federation sign with, as a site is given them apart from the server.

By it, a site knows that a key for secure sums which the server hands around is another site's, and not one made up.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from fedmtl.deployment.files import read_file, write_file
from fedmtl.deployment.registered import Registered
from fedmtl.errors import ConfigError


def write_roster(path: Path, registered: Registered) -> bool:
    """Write the roster of the registered sites; returns whether anything changed.

    Raises:
        RunError: it cannot be written.
    """
    keys = {site: keys.roster_key for site, keys in sorted(registered.sites.items())}
    return write_file(path, msgspec.json.format(msgspec.json.encode(keys)) + b"\n")


def load_roster(path: Path) -> Mapping[str, Ed25519PublicKey] | None:
    """The roster at `path`: site → key; None where there is none.

    Raises:
        ConfigError: it cannot be read, or holds something else.
    """
    if not path.exists():
        return None
    try:
        keys = msgspec.json.decode(read_file(path), type=dict[str, str])
        return {
            site: Ed25519PublicKey.from_public_bytes(base64.b64decode(key, validate=True))
            for site, key in keys.items()
        }
    except (msgspec.MsgspecError, binascii.Error, ValueError) as error:
        raise ConfigError(f"{path} is damaged: {error}; get it anew from whoever made the kit") from error


def fingerprint(roster: Mapping[str, Ed25519PublicKey]) -> str:
    """Of the whole roster, short enough to be compared on the telephone."""
    lines = "".join(f"{site} {key.public_bytes_raw().hex()}\n" for site, key in sorted(roster.items()))
    digest = hashlib.sha256(lines.encode()).hexdigest()[:32]
    return " ".join(digest[at : at + 4] for at in range(0, 32, 4))
