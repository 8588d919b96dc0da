"""What loading costs: training on files, from each cache and with loader processes, against tensors that are ready.

The default scenario's model trains in place, as in a round, on a CPU with two threads, whose cores loader processes
share. Its data is NYUD-v2 with all four tasks, as `archives` makes it up, or else the first data set below `data_root`.
What is ready is the same augmented batches, made before. Then, for each archive, what one image and each of its labels
take to decode.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from clients.site import make_sites
from fedmtl import shipped
from fedmtl.config import CacheKind, ClientConfig, PartitionConfig, Plan, Scenario
from fedmtl.data import Batch, ClientDataset
from fedmtl.data.layouts import open_folder, recognised
from fedmtl.data.on_disk import OnDisk
from fedmtl.scenario import load_scenario
from fedmtl.training.optimization import make_optimizer
from fedmtl.training.stages import Stage
from fedmtl.training.trainer import LocalResult, LocalTrainer
from simulations.benchmarks.archives import LAYOUTS, write_archive
from simulations.benchmarks.decoding import decoding_rows
from simulations.benchmarks.engines import BareClient
from simulations.benchmarks.timing import interleaved_medians, threads

THREADS = 2
DATA = "NYUDv2"
IMAGES = 64
"""As many as a client of the default scenario has."""


class Feed(NamedTuple):
    """Where images come from: a cache, or None for tensors that are ready; and how many processes load them."""

    cache: CacheKind | None
    workers: int


READY = "tensors"
FEEDS = {
    READY: Feed(None, 0),
    **{f"{cache.value}, {workers}": Feed(cache, workers) for cache in CacheKind for workers in (0, 2)},
}


def run(
    overrides: Sequence[str] = (), *, images: int = IMAGES, repeats: int = 5, seconds: float = 120
) -> list[dict[str, Any]]:
    """Rows of training, then rows of decoding.

    Training: data, cache (or tensors), workers, threads, images_per_second, and ratio (to tensors), of medians. Of
    decoding see `decoding_rows`.

    Args:
        overrides: settings of the scenario; `data_root` names a folder of data sets to take in place of made-up ones.
        images: to train on, at most; an epoch has so many.
        repeats: how often each is trained for a round, at least.
        seconds: how long they are trained.

    Raises:
        ConfigError: a setting is wrong.
        DataError: there is no data set below `data_root`, or a file is damaged.
    """
    scenario = load_scenario(shipped.find("rooms"), overrides)
    with TemporaryDirectory(prefix="fedmtl-benchmark-") as folder:
        root = Path(scenario.data_root)
        if not any(each.startswith("data_root=") for each in overrides):
            root = Path(folder) / "archives"
            for name, layout in LAYOUTS.items():
                write_archive(layout, root / name, images)
        sources = data_sets(root)
        name = DATA if DATA in sources else next(iter(sources))
        subject = trained_on(scenario, sources[name], images, Path(folder) / "decoded")
        return [*training_rows(subject, name, repeats, seconds), *decoding_rows(sources)]


def data_sets(root: Path) -> dict[str, OnDisk]:
    """The data sets in the folders of `root`, by the folders' names; raises DataError where there is none."""
    found = sorted(each for each in root.iterdir() if each.is_dir()) if root.is_dir() else []
    sources = {each.name: open_folder(each) for each in found if next(recognised(each), None)}
    return sources or {root.name: open_folder(root)}


def trained_on(scenario: Scenario, source: OnDisk, images: int, decoded: Path) -> Scenario:
    """The scenario with one client, which has `images` of a data set with all their labels."""
    kind = next(recognised(source.root))
    client = ClientConfig(source="files", train_images=images)
    data = replace(
        scenario.data,
        sources={"files": {"kind": kind, "path": str(source.root)}},
        partition=PartitionConfig(),
        cache_folder=str(decoded),
    )
    return replace(
        scenario, data=data, clients={"client": client}, training=replace(scenario.training, epochs=1)
    )


def training_rows(scenario: Scenario, data: str, repeats: int, seconds: float) -> list[dict[str, Any]]:
    """Images a second of a round, for each of `FEEDS`."""
    with threads(THREADS):
        calls = trainings(scenario)
        # The first time, kept images are decoded.
        images = {name: call().images for name, call in calls.items()}
        medians = interleaved_medians(calls, repeats=repeats, seconds=seconds)
    return [
        {
            "measured": "training",
            "data": data,
            "what": feed.cache.value if feed.cache else "tensors",
            "workers": feed.workers,
            "threads": THREADS,
            "images": images[name],
            "milliseconds": medians[name] / images[name],
            "images_per_second": 1000 * images[name] / medians[name],
            "ratio": medians[READY] / medians[name],
        }
        for name, feed in FEEDS.items()
    ]


def trainings(scenario: Scenario) -> dict[str, Callable[[], LocalResult]]:
    """For each of `FEEDS` a call that trains for a round, all the same network on the same batches."""
    name, site = min(make_sites(scenario).items())
    plan = Plan.of(scenario)
    client = BareClient.of(site, plan)
    tasks = list(client.dataset.tasks.values())
    stage = Stage(make_optimizer(client.vectors, plan.training))
    trainers: dict[str, LocalTrainer] = {}
    for feed_name, feed in FEEDS.items():
        data = replace(site.data, cache=feed.cache or CacheKind.memory)
        dataset = ClientDataset(site.source, site.share.train, tasks, data)
        trainer = LocalTrainer(client.network, tasks, dataset, plan, name, feed.workers)
        trainers[feed_name] = trainer if feed.cache else _Ready.of(trainer)
    return {each: partial(trainer.train, [stage], round_number=1) for each, trainer in trainers.items()}


@dataclass(frozen=True)
class _Ready(LocalTrainer):
    """Trains on batches that are there already."""

    batches: Sequence[Batch] = ()

    @classmethod
    def of(cls, trainer: LocalTrainer) -> _Ready:
        """With the batches that `trainer` would load in its first round's first pass."""
        batches = list(trainer._loader(("train", 1, trainer.client, 0)))
        return cls(
            trainer.network, trainer.tasks, trainer.dataset, trainer.plan, trainer.client, batches=batches
        )

    def _loader(self, words: tuple[str | int, ...]) -> Sequence[Batch]:
        return self.batches
