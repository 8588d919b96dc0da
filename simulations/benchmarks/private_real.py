"""`privacy_utility` on real images: eight clients in three domains, two of which have holders enough for sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fedmtl import shipped
from fedmtl.scenario import load_scenario
from simulations.benchmarks.codecs import SETTINGS
from simulations.benchmarks.privacy_utility import measure, table

__all__ = ["run", "table"]

SCENARIO = "street-people-room"
PRIVACY = ("privacy.largest_weight=12", "privacy.client.clip=3.0", "privacy.client.clip_by=flat")
METHODS = ("blend",)
EPSILONS = (8.0, 1e4)


def run(overrides: Sequence[str] = (), *, jobs: int | None = None) -> list[dict[str, Any]]:
    """Rows of `Utility`; raises what `measure` raises.

    Args:
        overrides: settings of the scenario.
        jobs: runs at once; by default one a core.
    """
    base = load_scenario(shipped.find(SCENARIO), [*SETTINGS, *PRIVACY, *overrides])
    return measure(base, METHODS, EPSILONS, jobs)
