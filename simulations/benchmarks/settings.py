"""Benchmarks that run no scenario."""

from __future__ import annotations

from collections.abc import Sequence

from fedmtl.errors import ConfigError


def refuse_settings(benchmark: str, overrides: Sequence[str]) -> None:
    """Settings for a benchmark that has no scenario to change.

    Raises:
        ConfigError: there are overrides.
    """
    if overrides:
        raise ConfigError(f"the benchmark {benchmark} takes no settings, such as '{overrides[0]}'")
