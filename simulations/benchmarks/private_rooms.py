"""`privacy_utility` where 32 clients have two of four tasks each, so that every task has sixteen holders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fedmtl import shipped
from fedmtl.scenario import load_scenario
from simulations.benchmarks.privacy_utility import measure, table

__all__ = ["run", "table"]

SCENARIO = "s6-many-clients"
SETTINGS = (
    # Everybody takes part, on small images: ε would be less with sampling, but only under central noise.
    "federation.fraction=1.0",
    "federation.evaluate_every=2",
    "rounds=8",
    "data.sources.rooms.height=32",
    "data.sources.rooms.width=48",
    "data.image_size=[32,48]",
    "model.backbone.levels=[1,2,3]",
    "training.batch_size=12",
    "training.threads=1",
    "checkpoint.every=0",
    # Twelve of a task's sixteen holders make all of the noise: four may fail in a round.
    "privacy.min_holders=12",
    "privacy.largest_weight=12",
    "privacy.client.clip=3.0",
    "privacy.client.clip_by=flat",
)
METHODS = ("fedavg", "blend")
EPSILONS = (8.0, 1e3, 1e4)


def run(overrides: Sequence[str] = (), *, jobs: int | None = None) -> list[dict[str, Any]]:
    """Rows of `Utility`; raises what `measure` raises.

    Args:
        overrides: settings of the scenario.
        jobs: runs at once; by default one a core.
    """
    return measure(load_scenario(shipped.find(SCENARIO), [*SETTINGS, *overrides]), METHODS, EPSILONS, jobs)
