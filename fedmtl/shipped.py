"""The scenarios that come with fedmtl, found by name; their files are the data of `simulations.scenarios`."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from fedmtl.errors import ConfigError, did_you_mean


def names() -> list[str]:
    """The names of all of them."""
    return sorted(
        entry.name.removesuffix(".yaml") for entry in _folder().iterdir() if entry.suffix == ".yaml"
    )


def find(name_or_path: str) -> Path:
    """The file of a scenario, by its name here or its own path.

    Raises:
        ConfigError: there is neither.
    """
    path = Path(name_or_path)
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise ConfigError(f"there is no scenario file {path}")
        return path
    if name_or_path not in names():
        raise ConfigError(f"there is no scenario '{name_or_path}'; {did_you_mean(name_or_path, names())}")
    return _folder() / f"{name_or_path}.yaml"


def _folder() -> Path:
    return Path(str(files("simulations.scenarios")))
