"""sites.json: the public keys of the sites that may take part, and revoked.json: those that may not any more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec

from fedmtl.deployment.files import read_file, write_file
from fedmtl.deployment.keys import SiteKeys, checked
from fedmtl.errors import ConfigError

T = TypeVar("T")


@dataclass(frozen=True)
class Registered:
    """The sites that may take part.

    Attributes:
        sites: name → keys. No two sites share a key.
    """

    sites: Mapping[str, SiteKeys] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Registered:
        """What is at `path`; nobody where there is nothing.

        Raises:
            ConfigError: it cannot be read, or holds something else.
        """
        registered = cls()
        for site, keys in _read(path, dict[str, SiteKeys], {}).items():
            registered = registered.add(site, checked(keys, f"{path}: site '{site}'"))
        return registered

    def save(self, path: Path) -> bool:
        """Write it atomically; returns whether anything changed.

        Raises:
            RunError: it cannot be written.
        """
        return _write(path, dict(sorted(self.sites.items())))

    def add(self, site: str, keys: SiteKeys) -> Registered:
        """With `site`, whose earlier keys, if any, are forgotten.

        Raises:
            ConfigError: another site has one of the keys.
        """
        for other, theirs in self.sites.items():
            if other != site and _shared(keys, theirs):
                raise ConfigError(
                    f"sites '{other}' and '{site}' have the same key; each must make its own with "
                    "'fedmtl deploy keygen'"
                )
        return Registered({**self.sites, site: keys})

    def revoke(self, site: str) -> Registered:
        """Without `site`.

        Raises:
            ConfigError: it is not registered.
        """
        if site not in self.sites:
            known = ", ".join(sorted(self.sites)) or "nobody"
            raise ConfigError(f"site '{site}' is not registered, so it has no access; registered: {known}")
        return Registered({name: keys for name, keys in self.sites.items() if name != site})


class _Revocation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    site: str
    keys: SiteKeys


@dataclass(frozen=True)
class Revoked:
    """Keys that were registered once and must not come back.

    Keys are revoked, not names: a site whose keys were stolen comes back with new ones.
    """

    entries: tuple[_Revocation, ...] = ()

    @classmethod
    def load(cls, path: Path) -> Revoked:
        """What is at `path`; nothing where there is none.

        Raises:
            ConfigError: it cannot be read, or holds something else.
        """
        return cls(_read(path, tuple[_Revocation, ...], ()))

    def save(self, path: Path) -> bool:
        """Write it atomically; returns whether anything changed.

        Raises:
            RunError: it cannot be written.
        """
        return _write(path, self.entries)

    def add(self, site: str, keys: SiteKeys) -> Revoked:
        """With the keys that `site` had."""
        return Revoked((*self.entries, _Revocation(site, keys)))

    def __contains__(self, keys: SiteKeys) -> bool:
        """Whether either key is revoked."""
        return any(_shared(entry.keys, keys) for entry in self.entries)


def _shared(one: SiteKeys, other: SiteKeys) -> bool:
    return one.node_key == other.node_key or one.roster_key == other.roster_key


def _read(path: Path, kind: type[T], nothing: T) -> T:
    if not path.exists():
        return nothing
    try:
        return msgspec.json.decode(read_file(path), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is damaged: {error}; restore it from a copy") from error


def _write(path: Path, content: object) -> bool:
    return write_file(path, msgspec.json.format(msgspec.json.encode(content)) + b"\n")
