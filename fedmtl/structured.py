"""YAML into a dataclass tree, by OmegaConf, with errors that name the key, its place and the nearest right one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import reduce
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar, cast

import yaml
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from fedmtl.errors import ConfigError, did_you_mean

C = TypeVar("C")
_UNMERGEABLE = (OmegaConfBaseException, TypeError)
"""What OmegaConf raises for a wrong key or value; TypeError for a list where a mapping should be."""


def read_text(path: Path) -> str:
    """A text file.

    Raises:
        ConfigError: it cannot be read, or is no text in UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not a text file in UTF-8") from error


def load_structured(path: Path, kind: type[C]) -> C:
    """The file at `path` as the dataclass `kind`.

    Raises:
        ConfigError: it cannot be read, a key is unknown or missing, or a value has the wrong type.
    """
    where = str(path)
    return resolve(merge(OmegaConf.structured(kind), read_tree(read_text(path), where), where), kind, where)


def read_tree(text: str, where: str) -> DictConfig:
    """`text` as a tree; OmegaConf's own loader also refuses a key that is there twice."""
    with yaml_errors(where):
        tree = OmegaConf.load(StringIO(text))
    if not isinstance(tree, DictConfig):
        raise ConfigError(f"{where} must be a mapping of keys to values")
    return tree


def read_options(options: Sequence[str], where: str) -> DictConfig:
    """The tree that `key.sub=value` options make, each of which is called `where` in messages.

    Raises:
        ConfigError: an option has another form, or its value is not valid YAML.
    """
    for option in options:
        key, equals, _ = option.partition("=")
        if not (key and equals):
            raise ConfigError(f"{where} '{option}' must have the form key=value")
        with yaml_errors(f"{where} '{option}'"):
            OmegaConf.from_dotlist([option])
    with yaml_errors(" ".join(f"{where} '{option}'" for option in options)):
        return OmegaConf.from_dotlist(list(options))


@contextmanager
def yaml_errors(where: str) -> Iterator[None]:
    """What reading YAML raises in the block, as a ConfigError about `where`."""
    try:
        yield
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{where} is not valid YAML: {reason}") from error
    except OmegaConfBaseException as error:
        key = f"{_key(error)}: " if _key(error) else ""
        raise ConfigError(f"{where}: {key}{str(error).splitlines()[0]}") from error
    except RecursionError as error:
        raise ConfigError(f"{where} is nested too deeply") from error
    except OSError as error:  # what OmegaConf raises for a text that is a single number
        raise ConfigError(f"{where} must be a mapping of keys to values") from error


def merge(tree: DictConfig, addition: DictConfig, where: str) -> DictConfig:
    """`tree` with what `addition`, which stands in `where`, sets.

    Raises:
        ConfigError: a key is unknown, or a value has the wrong type.
    """
    try:
        return cast(DictConfig, OmegaConf.merge(tree, addition))
    except _UNMERGEABLE as error:
        key = _key(error) or _culprit(tree, cast(dict[str, Any], OmegaConf.to_container(addition)))
        raise _config_error(tree, error, where, key) from error


def _culprit(tree: DictConfig, addition: Mapping[str, Any], path: tuple[str, ...] = ()) -> str:
    """The key in `addition`, which lies at `path`, that cannot be merged: not every OmegaConf error names it."""
    for key, value in addition.items():
        here = (*path, str(key))
        try:
            OmegaConf.merge(tree, reduce(lambda inner, outer: {outer: inner}, reversed(here), value))
        except _UNMERGEABLE:
            return _culprit(tree, value, here) if isinstance(value, Mapping) else ".".join(here)
    return ".".join(path)


def resolve(tree: DictConfig, kind: type[C], where: str) -> C:
    """The tree as dataclasses, with nothing missing and every interpolation replaced by its value.

    Raises:
        ConfigError: a key is not set, or an interpolation fails.
    """
    try:
        OmegaConf.resolve(tree)
        missing = sorted(OmegaConf.missing_keys(tree))
        if missing:
            raise ConfigError(f"{where}: '{missing[0]}' is not set")
        return cast(C, OmegaConf.to_object(tree))
    except OmegaConfBaseException as error:
        raise _config_error(tree, error, where, _key(error)) from error


def _key(error: Exception) -> str:
    """The key that an error of OmegaConf's names, empty where it names none."""
    return str(getattr(error, "full_key", None) or "")


def _config_error(tree: DictConfig, error: Exception, where: str, key: str) -> ConfigError:
    """The error about `key` as a sentence."""
    parent, _, leaf = key.rpartition(".")
    siblings = _keys(OmegaConf.select(tree, parent) if parent else tree, error)
    if siblings and leaf not in siblings:
        return ConfigError(f"{where}: unknown key '{key}'; {did_you_mean(leaf, siblings)}")
    return ConfigError(f"{where}: {key}: {_reworded(str(error).splitlines()[0])}")


def _reworded(reason: str) -> str:
    """OmegaConf lists the values that an enum takes: point at the nearest one. It forgets a tuple's values."""
    reason = reason.replace("Value '$VALUE' of type '$VALUE_TYPE'", "A value")
    listed = re.fullmatch(r"Invalid value '(.*)', expected one of \[(.*)\]", reason)
    return f"{reason}; {did_you_mean(listed[1], listed[2].split(', '))}" if listed else reason


def _keys(node: Any, error: Exception) -> list[str]:
    if isinstance(node, DictConfig) and not node._is_missing():
        return [str(key) for key in node]
    return list(getattr(getattr(error, "object_type", None), "__dataclass_fields__", {}))
