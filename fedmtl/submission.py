"""A run that was submitted to Flower, and the run directory that its settings mean.

Flower hands the flat settings of `flwr run --run-config` to the server and, in a simulation, to every client.
`run-dir` names a run that exists; without it, `scenario`, `overrides` and `out` say what to make one of.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path

from fedmtl import shipped
from fedmtl.errors import ConfigError
from fedmtl.run_directory import RunDirectory
from fedmtl.scenario import load_scenario

Settings = Mapping[str, bool | float | int | str]


def run_folder(settings: Settings, run_id: int) -> Path:
    """Where the run lies: the server and the clients of a simulation work it out alike.

    Args:
        run_id: Flower's.

    Raises:
        ConfigError: the settings name neither a run nor a scenario.
    """
    if existing := _text(settings, "run-dir"):
        return Path(existing)
    if scenario := _text(settings, "scenario"):
        return Path(_text(settings, "out")) / f"{Path(scenario).stem}-{run_id}"
    raise ConfigError("the run config names neither a scenario nor a run-dir")


def open_run(settings: Settings, run_id: int) -> RunDirectory:
    """The run that `run-dir` names, to go on with; without it a new one of the scenario.

    Raises:
        ConfigError: there is no such scenario, or an override does not fit it.
        RunError: there is no such run, or its folder cannot be written.
    """
    folder = run_folder(settings, run_id)
    if _text(settings, "run-dir"):
        return RunDirectory.open(folder)
    try:
        overrides = shlex.split(_text(settings, "overrides"))
    except ValueError as error:
        raise ConfigError(f"the run config's overrides cannot be split into words: {error}") from error
    return RunDirectory.create(folder, load_scenario(shipped.find(_text(settings, "scenario")), overrides))


def _text(settings: Settings, key: str) -> str:
    return str(settings.get(key, ""))
