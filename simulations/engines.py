"""One ServerApp, one ClientApp, and the ways to run them on one machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum

from fedmtl.reporting.events import Listener
from fedmtl.run_directory import RunDirectory


class Engine(Enum):
    """What runs the clients."""

    inprocess = "inprocess"
    ray = "ray"
    deployment = "deployment"


def run(directory: RunDirectory, engine: Engine, listeners: Sequence[Listener] = ()) -> None:
    """Run, or go on with, the run in `directory`.

    Args:
        listeners: hear every event of the metrics log as it is written.

    Raises:
        FedmtlError: the run cannot start or go on; its newest checkpoint stays.
    """
    _RUNNERS[engine](directory, listeners)


def _inprocess(directory: RunDirectory, listeners: Sequence[Listener]) -> None:
    from simulations.inprocess import run_inprocess

    run_inprocess(directory, listeners)


def _ray(directory: RunDirectory, listeners: Sequence[Listener]) -> None:
    from simulations.ray import run_on_ray

    run_on_ray(directory, listeners)


def _deployment(directory: RunDirectory, listeners: Sequence[Listener]) -> None:
    from simulations.deployment import run_on_supernodes

    run_on_supernodes(directory, listeners)


_RUNNERS: dict[Engine, Callable[[RunDirectory, Sequence[Listener]], None]] = {
    Engine.inprocess: _inprocess,
    Engine.ray: _ray,
    Engine.deployment: _deployment,
}
