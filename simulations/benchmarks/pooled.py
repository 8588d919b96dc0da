"""What the clients of a domain would gain by putting their images and labels on one heap, which they may not.

It is what a federation stands in for, and so about the most that sharing within a domain can be worth: one model a
domain, trained on all of its clients' images by as many passes and steps as they do together, and measured for each
client's own tasks after the last round; against training alone, at each client's best round on validation images, as
in `fedmtl compare`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import chain
from multiprocessing import get_context
from typing import Any, NamedTuple

import torch
from rich.console import Console
from rich.progress import track

from clients.site import Site, make_sites
from fedmtl import shipped
from fedmtl.config import Plan, Scenario
from fedmtl.data import ClientDataset
from fedmtl.errors import ConfigError
from fedmtl.models.network import MultiTaskNetwork
from fedmtl.reporting.best_round import best_round
from fedmtl.reporting.curve import Curve
from fedmtl.reporting.deltas import mean_delta
from fedmtl.reporting.spread import Spread
from fedmtl.reporting.table import delta_percent, mean_or_none
from fedmtl.scenario import load_scenario, parse_scenario, to_yaml
from fedmtl.tasks import build_task
from fedmtl.training.evaluation import evaluate
from fedmtl.training.optimization import make_optimizer
from fedmtl.training.stages import Stage
from fedmtl.training.trainer import LocalTrainer
from simulations.benchmarks.codecs import SCENARIO, SEEDS, SETTINGS
from simulations.benchmarks.engines import BareClient
from simulations.benchmarks.pool import Pool
from simulations.preflight import check_scenario

Values = Mapping[tuple[str, str], float | None]
"""(client, task) → its primary metric on test images."""


class Training(NamedTuple):
    """One model to train: of a seed's scenario, as YAML, on the images of some clients."""

    scenario: str
    members: tuple[str, ...]


@dataclass(frozen=True)
class Gain:
    """One client's task, on test images.

    Attributes:
        delta: of `pooled` from `alone`, in percent, + for better.
    """

    seed: int
    domain: str
    client: str
    task: str
    metric: str
    higher_is_better: bool
    alone: float | None
    pooled: float | None
    delta: float | None


def run(overrides: Sequence[str] = (), *, jobs: int | None = None) -> list[dict[str, Any]]:
    """Rows of `Gain`, for three seeds from the scenario's on.

    Args:
        overrides: settings of the scenario.
        jobs: trainings at once; by default one a core.

    Raises:
        ConfigError: a setting is wrong, or clients of a domain have images of different channels.
        DataError: data is missing.
    """
    base = load_scenario(shipped.find(SCENARIO), [*SETTINGS, *overrides])
    if not base.federation.evaluate_test:
        raise ConfigError(
            "federation.evaluate_test is false, and this benchmark measures on test images; leave it"
        )
    seeds = [replace(base, seed=base.seed + k) for k in range(SEEDS)]
    for scenario in seeds:
        check_scenario(scenario)
    domains = _domains(make_sites(base))
    alone = [(name,) for names in domains.values() for name in names]
    trainings = [
        Training(to_yaml(scenario), members) for scenario in seeds for members in [*domains.values(), *alone]
    ]
    # The long ones first, so that none begins when the others are over.
    trainings.sort(key=lambda training: -len(training.members))
    with ProcessPoolExecutor(jobs or os.cpu_count() or 1, get_context("spawn")) as pool:
        measured = pool.map(train_and_measure, trainings)
        console = Console(stderr=True)
        found = dict(
            zip(trainings, track(measured, "Training", len(trainings), console=console), strict=True)
        )
    return [asdict(row) for scenario in seeds for row in _rows(scenario, domains, found)]


def table(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A line for each client's task, means over seeds, and one for all: over tasks, then clients, ± over seeds."""
    shown: list[dict[str, Any]] = []
    for client, task in dict.fromkeys((row["client"], row["task"]) for row in rows):
        of_task = [row for row in rows if (row["client"], row["task"]) == (client, task)]
        arrow = "↑" if of_task[0]["higher_is_better"] else "↓"
        line = {"client": client, "task": task, "metric": f"{of_task[0]['metric']} {arrow}"}
        line |= {name: mean_or_none(row[name] for row in of_task) for name in ("alone", "pooled")}
        shown.append(line | {"Δ %": mean_or_none(row["delta"] for row in of_task), "± over seeds": None})
    seeds = sorted({row["seed"] for row in rows})
    spread = Spread.of(mean_delta(row for row in rows if row["seed"] == seed) for seed in seeds)
    every = {"client": "all", "Δ %": spread and spread.mean, "± over seeds": spread and spread.std}
    return [*shown, every]


def train_and_measure(training: Training) -> Values:
    """Train one model, and measure it for its members' tasks: a pool after the last round, a client at its best."""
    scenario = parse_scenario(training.scenario)
    plan = Plan.of(scenario)
    torch.set_num_threads(plan.training.threads or 1)
    sites = {name: site for name, site in make_sites(scenario).items() if name in training.members}
    together = len(sites) > 1
    client = BareClient.of(_pooled(sites) if together else next(iter(sites.values())), plan)
    tasks = list(client.dataset.tasks.values())
    trainer = LocalTrainer(client.network, tasks, client.dataset, plan, client.name)
    measured = {split: _Measured.of(sites, split, plan) for split in ("val", "test")}
    every = plan.rounds if together else scenario.federation.evaluate_every or plan.rounds
    validated = {task.name: Curve(True, task.higher_is_better) for task in tasks}
    tested: dict[int, Values] = {}
    for number in range(1, plan.rounds + 1):
        trainer.train([Stage(make_optimizer(client.vectors, plan.training))], number)
        if number % every == 0 or number == plan.rounds:
            tested[number] = measured["test"](client.network)
            if not together:
                for (_, task), value in measured["val"](client.network).items():
                    validated[task].values[number] = value
    return tested[best_round(validated) or plan.rounds]


@dataclass(frozen=True)
class _Measured:
    """Clients' images of a split, decoded once; a call measures a network on them."""

    datasets: Mapping[str, ClientDataset]
    batch_size: int

    @classmethod
    def of(cls, sites: Mapping[str, Site], split: str, plan: Plan) -> _Measured:
        datasets = {
            name: ClientDataset(
                site.source, getattr(site.share, split), [build_task(spec) for spec in site.tasks], site.data
            )
            for name, site in sites.items()
        }
        return cls(datasets, plan.training.batch_size)

    def __call__(self, network: MultiTaskNetwork) -> Values:
        values: dict[tuple[str, str], float | None] = {}
        for name, dataset in self.datasets.items():
            tasks = list(dataset.tasks.values())
            found = evaluate(network, tasks, dataset, self.batch_size).primary(tasks)
            values |= {(name, task.name): found.get(task.name) for task in tasks}
        return values


def _domains(sites: Mapping[str, Site]) -> dict[str, tuple[str, ...]]:
    """Domain → its clients."""
    domains: dict[str, tuple[str, ...]] = {}
    for name, site in sites.items():
        domains[site.domain] = (*domains.get(site.domain, ()), name)
    for domain, names in domains.items():
        if len({sites[name].source.channels for name in names}) > 1:
            raise ConfigError(
                f"the clients of domain '{domain}' have images of different channels, which no model takes "
                "together; give them domains of their own (clients.X.domain)"
            )
    return domains


def _pooled(members: Mapping[str, Site]) -> Site:
    """One site that has what its members have."""
    pool = Pool(members)
    first = next(iter(members.values()))
    tasks = tuple(pool.tasks[name] for name in sorted(pool.tasks))
    share = replace(first.share, train=tuple(pool.ids("train")))
    return replace(first, client="+".join(members), source=pool, tasks=tasks, share=share)


def _rows(
    scenario: Scenario, domains: Mapping[str, tuple[str, ...]], found: Mapping[Training, Values]
) -> Iterator[Gain]:
    text = to_yaml(scenario)
    sites = make_sites(scenario)
    for domain, members in domains.items():
        pooled = found[Training(text, members)]
        alone = dict(chain.from_iterable(found[Training(text, (name,))].items() for name in members))
        for (client, name), value in pooled.items():
            task = build_task(next(spec for spec in sites[client].tasks if spec.name == name))
            own, better = alone[client, name], task.higher_is_better
            delta = None if value is None else delta_percent(value, own, better)
            yield Gain(scenario.seed, domain, client, name, task.metric, better, own, value, delta)
