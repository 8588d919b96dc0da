"""Speed, memory, and what codecs cost and heads for new tasks are worth: a module each, with `run(overrides) -> rows`.

A module may also have `table(rows) -> rows`, for what a person would rather compare than read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, cast

from fedmtl.errors import ConfigError, did_you_mean

BENCHMARKS: Mapping[str, str] = {
    "aggregation": "simulations.benchmarks.aggregation",
    "attention": "simulations.benchmarks.attention",
    "attention-profile": "simulations.benchmarks.profile",
    "attention-scaling": "simulations.benchmarks.scaling",
    "boundaries": "simulations.benchmarks.boundaries",
    "codecs": "simulations.benchmarks.codecs",
    "engines": "simulations.benchmarks.engines",
    "loading": "simulations.benchmarks.loading",
    "new-tasks": "simulations.benchmarks.new_tasks",
    "pooled": "simulations.benchmarks.pooled",
    "private-real": "simulations.benchmarks.private_real",
    "private-rooms": "simulations.benchmarks.private_rooms",
    "private-step": "simulations.benchmarks.private_step",
    "robustness": "simulations.benchmarks.robustness",
    "rooms": "simulations.benchmarks.rooms",
    "secure-sums": "simulations.benchmarks.secure_sums",
    "training-step": "simulations.benchmarks.training_step",
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


def make_table(name: str, rows: list[Row]) -> list[Row]:
    """The rows of a benchmark as a person would compare them; keys are the columns."""
    table = getattr(import_module(BENCHMARKS[name]), "table", None)
    return cast(list[Row], table(rows)) if table else rows
