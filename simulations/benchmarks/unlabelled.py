"""The tasks that clients of a simulation never labelled, measured with labels that they were never shown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import NamedTuple

import torch

from clients.site import Site
from fedmtl.data import ClientDataset
from fedmtl.loading import load
from fedmtl.run_directory import RunDirectory
from fedmtl.tasks import Task, build_task
from fedmtl.training.evaluation import evaluate
from simulations.benchmarks.constant import best_constant, everywhere

BATCH = 16


class Place(NamedTuple):
    """One client's images of a split, and a task that it did not label."""

    client: str
    task: str
    split: str


class Unlabelled:
    """Every client's images, with the labels of the federation's tasks that it has none of.

    Args:
        sites: client → its site; its source has the labels of every task.
        splits: those that are measured, of `val` and `test`.

    Attributes:
        tasks: of the whole federation, by name.
    """

    def __init__(self, sites: Mapping[str, Site], splits: Sequence[str]) -> None:
        self.sites = sites
        self._splits = splits
        specs = {spec.name: spec for site in sites.values() for spec in site.tasks}
        self.tasks = {name: build_task(spec) for name, spec in sorted(specs.items())}
        self._datasets: dict[tuple[str, str], ClientDataset] = {}

    @cached_property
    def places(self) -> list[Place]:
        """Where there is something to measure: a client's own tasks and splits without images are left out."""
        return [
            Place(client, task, split)
            for client, site in sorted(self.sites.items())
            for task in self._lacking(site)
            for split in self._splits
            if getattr(site.share, split)
        ]

    def predicted(self, run: RunDirectory) -> dict[Place, float | None]:
        """The primary metric of what each client's model says of the tasks of others; None where it is not finite.

        Raises:
            RunError: a client's model cannot be had.
        """
        values = {}
        for place in self.places:
            task, dataset = self.tasks[place.task], self._dataset(place.client, place.split)
            model = load(run.path, place.client, [place.task])
            measured = evaluate(model.network, [task], dataset, BATCH).statistics[task.name]
            values[place] = _finite(task.metrics(measured)[task.metric])
        return values

    @cached_property
    def floors(self) -> dict[Place, float | None]:
        """The same of the prediction that never looks, the best for the client's training images."""
        values = {}
        for place in self.places:
            task = self.tasks[place.task]
            constant = best_constant(task, self._targets(place.client, "train", task))
            targets = self._targets(place.client, place.split, task)
            measured = task.statistics(everywhere(constant, task, targets), targets)
            values[place] = _finite(task.metrics(measured)[task.metric])
        return values

    def _lacking(self, site: Site) -> list[str]:
        own = {spec.name for spec in site.tasks}
        return [name for name in self.tasks if name not in own]

    def _dataset(self, client: str, split: str) -> ClientDataset:
        if (client, split) not in self._datasets:
            site = self.sites[client]
            tasks = [self.tasks[name] for name in self._lacking(site)]
            self._datasets[client, split] = ClientDataset(
                site.source, getattr(site.share, split), tasks, site.data
            )
        return self._datasets[client, split]

    def _targets(self, client: str, split: str, task: Task) -> torch.Tensor:
        dataset = self._dataset(client, split)
        return torch.stack([dataset[index]["targets"][task.name] for index in range(len(dataset))])


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
