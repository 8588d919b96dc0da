"""What our kernels are worth in a whole training step: the default scenario's model with them, and with one replaced.

One client of `rooms` trains in place, as in a round, loading and augmentation included, on a CPU with two threads.
The kernel is changed after every few steps; all else stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from clients.site import make_sites
from fedmtl import shipped
from fedmtl.config import Plan, Scenario
from fedmtl.errors import ConfigError
from fedmtl.models.attention import DeformableAttention
from fedmtl.models.cost import multiply_adds
from fedmtl.models.depthwise import Depthwise
from fedmtl.scenario import load_scenario
from fedmtl.training.optimization import make_optimizer
from fedmtl.training.stages import Stage
from fedmtl.training.trainer import LocalResult, LocalTrainer
from simulations.benchmarks.engines import BareClient
from simulations.benchmarks.memory import can_measure, measuring_process, peak_megabytes
from simulations.benchmarks.timing import interleaved_medians, threads

FEW = ("data.sources.rooms.train=16", "training.epochs=1")
THREADS = 2


class Kernels(NamedTuple):
    """The backend of `deformable_sample`, and whether depthwise convolutions have our gradient or torch's."""

    sampling: str
    own_depthwise: bool


IMPLEMENTATIONS = {
    "fedmtl": Kernels("auto", own_depthwise=True),
    "plain": Kernels("plain", own_depthwise=True),
    "torch-depthwise": Kernels("auto", own_depthwise=False),
}


def run(overrides: Sequence[str] = (), *, repeats: int = 15, seconds: float = 40) -> list[dict[str, Any]]:
    """Rows of medians: scenario, client, implementation, milliseconds, ratio (to ours), peak_mb and gmac of a step.

    Args:
        overrides: settings of the scenario.
        repeats: how often each implementation trains, at least, a few steps each time.
        seconds: how long they do.

    Raises:
        ConfigError: a setting is wrong, or there is no deformable attention in the model.
    """
    scenario = load_scenario(shipped.find("rooms"), [*FEW, *overrides])
    with threads(THREADS):
        client, calls = trainings(scenario)
        steps = calls["fedmtl"]().steps
        counts = {name: multiply_adds(call) for name, call in calls.items()}
        medians = interleaved_medians(calls, repeats=repeats, seconds=seconds)
        rows: list[dict[str, Any]] = [
            {
                "scenario": scenario.name,
                "client": client,
                "implementation": name,
                "milliseconds": medians[name] / steps,
                "ratio": medians[name] / medians["fedmtl"],
                "peak_mb": None,
                "gmac": counts[name] / steps / 1e9,
            }
            for name in calls
        ]
    if can_measure():
        with measuring_process() as process:
            for row in rows:
                row["peak_mb"] = process.submit(peak, scenario, row["implementation"]).result()
    return rows


def trainings(scenario: Scenario) -> tuple[str, dict[str, Callable[[], LocalResult]]]:
    """The first client's name, and for each implementation a call that trains for a round, all the same network.

    Raises:
        ConfigError: there is no deformable attention in the model.
    """
    name, site = min(make_sites(scenario).items())
    plan = Plan.of(scenario)
    client = BareClient.of(site, plan)
    attention = client.network.attention
    if not isinstance(attention, DeformableAttention):
        raise ConfigError("model.attention.kind: only deformable attention has cores to compare")
    tasks = list(client.dataset.tasks.values())
    trainer = LocalTrainer(client.network, tasks, client.dataset, plan, name)
    stage = Stage(make_optimizer(client.vectors, plan.training))
    depthwise = [module for module in client.network.modules() if isinstance(module, Depthwise)]

    def train(kernels: Kernels) -> LocalResult:
        attention.backend = kernels.sampling
        for convolution in depthwise:
            convolution.own_gradient = kernels.own_depthwise
        return trainer.train([stage], round_number=1)

    return name, {name: partial(train, kernels) for name, kernels in IMPLEMENTATIONS.items()}


def peak(scenario: Scenario, implementation: str) -> float:
    """The peak memory of a few steps, in MB; see `memory`."""
    with threads(THREADS):
        _, calls = trainings(scenario)
        return peak_megabytes(calls[implementation])
