"""Names for interchangeable parts: task kinds, data sources, methods, codecs, attacks, audits.

A registry is a table of import paths. A third party plugs in without touching it, by an entry point in the
registry's group, or by writing `package.module:Class` where a name is expected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any, Generic, TypeVar, cast

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fedmtl.errors import ConfigError, did_you_mean

T = TypeVar("T")


class Registry(Generic[T]):
    """Lazily imported classes under short names.

    Args:
        what: what one entry is called in messages, for example `task kind`.
        base: the class that every entry extends; it is the contract.
        group: the entry point group for third parties.
        builtin: name → `module:Class`.
    """

    def __init__(self, what: str, base: type[T], group: str, builtin: Mapping[str, str]) -> None:
        self.what = what
        self.base = base
        self.group = group
        self.builtin = dict(builtin)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._third_parties() | self.builtin))

    def __getitem__(self, name: str) -> type[T]:
        """The class called `name`, or at import path `name`.

        Raises:
            ConfigError: nothing has that name, or it is not a `base`.
        """
        # Entry points take milliseconds to look through, and built-in names are looked up all the time.
        path = name if ":" in name else self.builtin.get(name) or self._third_parties().get(name)
        if path is None:
            raise ConfigError(f"unknown {self.what} '{name}': {did_you_mean(name, self)}")
        module, _, attribute = path.partition(":")
        try:
            found = getattr(import_module(module), attribute)
        except (ImportError, AttributeError, TypeError, ValueError) as error:
            raise ConfigError(f"{self.what} '{name}' cannot be imported from {path}: {error}") from error
        if not (isinstance(found, type) and issubclass(found, self.base)):
            raise ConfigError(f"{self.what} '{name}' at {path} is not a {self.base.__name__}")
        return found

    def build(self, name: str, options: Mapping[str, Any], where: str) -> T:
        """Build the entry from its options; entries with options are dataclasses, the options their fields.

        Args:
            where: the config key the options stand under, for messages.

        Raises:
            ConfigError: an option is unknown, missing or has the wrong type.
        """
        cls = self[name]
        known = {f.name for f in fields(cls) if not f.name.startswith("_")} if is_dataclass(cls) else set()
        for option in options:
            if option not in known:
                raise ConfigError(
                    f"{where}.{option}: {self.what} '{name}' has no such option; {did_you_mean(option, known)}"
                )
        try:
            merged = OmegaConf.merge(OmegaConf.structured(cls), dict(options))
            missing = sorted(OmegaConf.missing_keys(merged))
            if missing:
                raise ConfigError(f"{where}.{missing[0]}: {self.what} '{name}' needs this option")
            return cast(T, OmegaConf.to_object(merged))
        except OmegaConfBaseException as error:
            reason = str(error).splitlines()[0]
            raise ConfigError(f"{where}.{error.full_key or ''}: {reason}") from error

    def _third_parties(self) -> dict[str, str]:
        return {entry.name: entry.value for entry in entry_points(group=self.group)}
