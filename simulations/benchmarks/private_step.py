"""What differential privacy of images costs: a training step with it and without, of the default scenario's model.

One client of `rooms` trains in place, as in a round, loading and augmentation included, on a CPU with two threads.
Both have group normalisation. A private step takes a random number of images, on average as many as a plain one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from clients.site import make_sites
from fedmtl import shipped
from fedmtl.config import Plan, Scenario
from fedmtl.privacy.example_level import GradientMechanism, StepSampling
from fedmtl.scenario import load_scenario
from fedmtl.training.optimization import make_optimizer
from fedmtl.training.private_trainer import PrivateTrainer
from fedmtl.training.stages import Stage
from fedmtl.training.trainer import LocalResult, LocalTrainer
from simulations.benchmarks.engines import BareClient
from simulations.benchmarks.memory import can_measure, measuring_process, peak_megabytes
from simulations.benchmarks.timing import interleaved_medians, threads

FEW = ("data.sources.rooms.train=16", "training.epochs=1", "model.backbone.norm=group")
THREADS = 2


def run(overrides: Sequence[str] = (), *, repeats: int = 15, seconds: float = 40) -> list[dict[str, Any]]:
    """Rows of medians: scenario, client, training, milliseconds, ratio (to plain) and peak_mb of a step.

    Args:
        overrides: settings of the scenario.
        repeats: how often each trains, at least, a few steps each time.
        seconds: how long they do.

    Raises:
        ConfigError: a setting is wrong, or Opacus is not installed.
    """
    scenario = load_scenario(shipped.find("rooms"), [*FEW, *overrides])
    with threads(THREADS):
        client, calls = trainings(scenario)
        steps = {name: call().steps for name, call in calls.items()}
        medians = interleaved_medians(calls, repeats=repeats, seconds=seconds)
        each = {name: medians[name] / steps[name] for name in calls}
        rows: list[dict[str, Any]] = [
            {
                "scenario": scenario.name,
                "client": client,
                "training": name,
                "milliseconds": each[name],
                "ratio": each[name] / each["plain"],
                "peak_mb": None,
            }
            for name in calls
        ]
    if can_measure():
        with measuring_process() as process:
            for row in rows:
                row["peak_mb"] = process.submit(peak, scenario, row["training"]).result()
    return rows


def trainings(scenario: Scenario) -> tuple[str, dict[str, Callable[[], LocalResult]]]:
    """The first client's name, and a call for each training of a round, all of the same network."""
    name, site = min(make_sites(scenario).items())
    plan = Plan.of(scenario)
    client = BareClient.of(site, plan)
    local = LocalTrainer(client.network, list(client.dataset.tasks.values()), client.dataset, plan, name)
    mechanism = GradientMechanism(
        StepSampling.of(len(client.dataset), plan.training), clip_norm=1.0, multiplier=1.0
    )
    private = PrivateTrainer(local, mechanism)
    stage = Stage(make_optimizer(client.vectors, plan.training))
    return name, {"plain": lambda: local.train([stage], 1), "private": lambda: private.train([stage], 1)}


def peak(scenario: Scenario, training: str) -> float:
    """The peak memory of a few steps, in MB; see `memory`."""
    with threads(THREADS):
        _, calls = trainings(scenario)
        return peak_megabytes(calls[training])
