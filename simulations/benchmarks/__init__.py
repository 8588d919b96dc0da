"""Speed and memory, measured: `run(overrides) -> rows` in one module a benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, cast

from fedmtl.errors import ConfigError, did_you_mean

BENCHMARKS: Mapping[str, str] = {
    "engines": "simulations.benchmarks.engines",
    "rooms": "simulations.benchmarks.rooms",
}

Row = dict[str, Any]


def run_benchmark(name: str, overrides: Sequence[str] = ()) -> list[Row]:
    """The rows of a benchmark; `overrides` change the scenario that it runs, if it runs one.

    Raises:
        ConfigError: there is no such benchmark.
    """
    if name not in BENCHMARKS:
        raise ConfigError(f"there is no benchmark '{name}'; {did_you_mean(name, BENCHMARKS)}")
    return cast(list[Row], import_module(BENCHMARKS[name]).run(overrides))
