"""Flower's Simulation Runtime on Ray: for many cores, GPUs or machines."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from fedmtl.data import expand_copies
from fedmtl.errors import RunError
from fedmtl.reporting.events import Listener
from fedmtl.run_directory import RunDirectory
from simulations.flower import following, superlink


def run_on_ray(directory: RunDirectory, listeners: Sequence[Listener] = ()) -> None:
    """Run, or go on with, the run in `directory`; see `simulations.engines.run`."""
    if find_spec("ray") is None:
        raise RunError("the ray engine needs Ray: pip install 'fedmtl[ray]'")
    scenario = directory.scenario
    federation = {
        "num-supernodes": len(expand_copies(scenario.clients)),
        "client-resources-num-cpus": scenario.ray.cpus_per_client,
        "client-resources-num-gpus": scenario.ray.gpus_per_client,
    }
    with superlink(directory, simulation=True) as link, following(directory, listeners):
        link.execute(directory, "ray", federation)
