"""What the engines cost: the same local training in a bare loop, in process, and on Ray.

The scenario is street-people-room, with evaluation and checkpoints off; a checkpoint is a row of its own. After
every round of the in-process engine the bare loop does the same round, so that a machine whose speed drifts
slows both; the ratio is the median over these pairs.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from clients.site import Site, make_sites
from fedmtl.config import Plan, Scenario
from fedmtl.data import ClientDataset, make_loader
from fedmtl.models.network import MultiTaskNetwork
from fedmtl.reporting.events import Event
from fedmtl.run_directory import RunDirectory
from fedmtl.scenario import load_scenario
from fedmtl.tasks import build_task
from fedmtl.training.optimization import learning_rate_factor, make_optimizer, set_learning_rate
from simulations import scenarios
from simulations.engines import Engine
from simulations.engines import run as run_engine

PAIRS = 6
RAY_ROUNDS = 3
SETTINGS = ("training.threads=2", "federation.evaluate_every=0", "checkpoint.every=0")


def run(overrides: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Rows of seconds per round, medians over rounds; the first round of each engine warms up, uncounted.

    Ray's clients run side by side, each with one thread.
    """
    path = scenarios.find("street-people-room")
    with TemporaryDirectory(prefix="fedmtl-benchmark-") as folder:
        # The last round of a run always evaluates and saves, so it is not counted either.
        timed = load_scenario(path, [f"rounds={PAIRS + 2}", *SETTINGS, *overrides])
        saving = load_scenario(path, ["rounds=3", *SETTINGS, "checkpoint.every=1", *overrides])
        rows = _inprocess_and_bare(timed, Path(folder) / "inprocess")
        rows.append(_checkpoint(saving, Path(folder) / "checkpoint"))
        on_ray = load_scenario(
            path, [f"rounds={RAY_ROUNDS + 2}", *SETTINGS, "training.threads=1", *overrides]
        )
        rows.append(_ray(on_ray, Path(folder) / "ray", bare=rows[0]["seconds"]))
    return rows


class BareLoop:
    """Local training as one would write it without a federation: one network and data set a client."""

    def __init__(self, scenario: Scenario) -> None:
        self.plan = Plan.of(scenario)
        self.clients = [self._build(site) for _, site in sorted(make_sites(scenario).items())]

    def _build(self, site: Site) -> tuple[str, MultiTaskNetwork, ClientDataset]:
        tasks = [build_task(spec) for spec in site.tasks]
        network = MultiTaskNetwork(
            self.plan.model,
            tasks,
            [task.name for task in tasks],
            channels=site.source.channels,
            image_size=self.plan.image_size,
            seed=self.plan.seed,
        )
        return site.client, network.train(), ClientDataset(site.source, site.share.train, tasks, site.data)

    def train(self, round_number: int) -> None:
        """One round of every client."""
        config = self.plan.training
        for client, network, dataset in self.clients:
            optimizer = make_optimizer(network, config)
            for epoch in range(config.epochs):
                words = ("train", round_number, client, epoch)
                loader = make_loader(
                    dataset, config.batch_size, training=True, seed=self.plan.seed, words=words
                )
                for index, batch in enumerate(loader):
                    output = network(batch.image)
                    loss = output.auxiliary
                    for name, task in dataset.tasks.items():
                        loss = loss + task.weight * task.loss(output.predictions[name], batch.targets[name])
                    loss.backward()
                    torch.nn.utils.clip_grad_norm_(network.parameters(), config.clip_norm)
                    done = round_number - 1 + (epoch + index / len(loader)) / config.epochs
                    set_learning_rate(optimizer, learning_rate_factor(config, done / self.plan.rounds))
                    optimizer.step()
                    optimizer.zero_grad()


def _inprocess_and_bare(scenario: Scenario, folder: Path) -> list[dict[str, Any]]:
    torch.set_num_threads(scenario.training.threads)
    loop = BareLoop(scenario)
    bare: list[float] = []
    inprocess: list[float] = []

    def pair(event: Event) -> None:
        if event["event"] == "round" and event["round"] < scenario.rounds:
            began = time.perf_counter()
            loop.train(event["round"])
            bare.append(time.perf_counter() - began)
            inprocess.append(event["seconds"])

    run_engine(RunDirectory.create(folder, scenario), Engine.inprocess, [pair])
    ratios = [ours / theirs for ours, theirs in zip(inprocess[1:], bare[1:], strict=True)]
    facts = {"rounds": len(ratios), "clients": len(loop.clients), "threads": scenario.training.threads}
    return [
        {"engine": "bare", "seconds": statistics.median(bare[1:]), **facts, "ratio": 1.0},
        {
            "engine": "inprocess",
            "seconds": statistics.median(inprocess[1:]),
            **facts,
            "ratio": statistics.median(ratios),
        },
    ]


def _checkpoint(scenario: Scenario, folder: Path) -> dict[str, Any]:
    events: list[Event] = []
    run_engine(RunDirectory.create(folder, scenario), Engine.inprocess, [events.append])
    saved = [event["seconds"] for event in events if event["event"] == "checkpoint"]
    return {"engine": "checkpoint", "seconds": statistics.median(saved), "rounds": len(saved)}


def _ray(scenario: Scenario, folder: Path, bare: float) -> dict[str, Any]:
    if find_spec("ray") is None:
        return {"engine": "ray", "skipped": "ray is not installed: pip install 'fedmtl[ray]'"}
    events: list[Event] = []
    began = time.perf_counter()
    run_engine(RunDirectory.create(folder, scenario), Engine.ray, [events.append])
    total = time.perf_counter() - began
    rounds = [event["seconds"] for event in events if event["event"] == "round"][1:-1]
    seconds = statistics.median(rounds)
    clients = len(next(event["clients"] for event in events if event["event"] == "start"))
    return {
        "engine": "ray",
        "seconds": seconds,
        "rounds": len(rounds),
        "clients": clients,
        "threads": 1,
        "ratio": seconds / bare,
        "total_seconds": total,
    }
