"""What a round costs the server: time and memory of folding many updates, by us and by Flower's own aggregation.

The model is a ResNet-50 with five dense tasks, 27 million parameters. Ours is what the server does with
replies in a run: it parses and checks reports, checks and decodes vectors, and folds, one reply after the other.
Flower's `aggregate_arrayrecords` gets the same updates in its own format, all at once, and only averages. How replies
come into being is not timed. Each measurement has a process of its own; where two are compared, they take turns.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

from fedmtl import shipped
from fedmtl.config import Scenario
from fedmtl.scenario import load_scenario
from simulations.benchmarks.memory import available_megabytes, can_measure, measuring_process, peak_megabytes
from simulations.benchmarks.replies import (
    Server,
    build_model,
    flower_fold,
    flower_pool,
    flower_replies,
    parameters,
)
from simulations.benchmarks.timing import threads
from simulations.benchmarks.wire import wire_rows

MODEL = ("model.backbone.name=resnet50", "model.backbone.weights=scratch")
REPEATS = {8: 9, 100: 3, 1000: 1}
"""Clients → how often a round is folded; the median counts."""
THREADS = 2
HEADROOM = 0.6
"""The share of the free memory that a measurement may take: others may need some meanwhile."""


def run(overrides: Sequence[str] = (), *, repeats: dict[int, int] = REPEATS) -> list[dict[str, Any]]:
    """Rows of folding: implementation, clients, parameters, threads, seconds, ratio (to ours), peak_mb.

    What does not fit into memory has `skipped`, and why, in place of numbers. The rows of fedmtl have
    `one_thread_seconds` as well, because Flower's has no more threads than one.

    And rows of what a message costs; see `wire_rows`.

    Args:
        overrides: settings of the scenario `rooms`, of which the model, the method and `exchange.up` matter.
        repeats: clients → how often a round is folded.

    Raises:
        ConfigError: a setting is wrong.
    """
    scenario = load_scenario(shipped.find("rooms"), [*MODEL, *overrides])
    model = build_model(scenario)
    size = parameters(model)
    rows = [row for clients, times in repeats.items() for row in _rows(scenario, size, clients, times)]
    with threads(THREADS):
        return [*rows, *wire_rows(model, THREADS, max(repeats.values()))]


def _rows(scenario: Scenario, size: int, clients: int, repeats: int) -> list[dict[str, Any]]:
    needed = 4 * size * (clients + 4) / 1e6
    fits = can_measure() and needed <= HEADROOM * available_megabytes()
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        seconds = process.submit(times, scenario, clients, repeats, with_flower=fits).result()
    facts = {"clients": clients, "parameters": size}
    ours = {
        "implementation": "fedmtl",
        **facts,
        "threads": THREADS,
        "seconds": seconds["fedmtl"],
        "ratio": 1.0,
        "peak_mb": _peak(fedmtl_peak, scenario, clients),
        "one_thread_seconds": seconds["fedmtl, one thread"],
    }
    if not fits:
        skipped = f"it holds every update of the round, {needed / 1000:.0f} GB here"
        return [ours, {"implementation": "flwr", **facts, "skipped": skipped}]
    flower = {
        "implementation": "flwr",
        **facts,
        "threads": 1,
        "seconds": seconds["flwr"],
        "ratio": seconds["flwr"] / seconds["fedmtl"],
        "peak_mb": _peak(flower_peak, scenario, clients),
    }
    return [ours, flower]


def times(scenario: Scenario, clients: int, repeats: int, with_flower: bool) -> dict[str, float]:
    """The median seconds of each; what only a first round does is over before."""
    Server(scenario, 2).fold(copies=False)
    fold = partial(Server(scenario, clients).fold, copies=False)
    calls: dict[str, Callable[[], float]] = {
        "fedmtl": lambda: _on_threads(THREADS, fold),
        "fedmtl, one thread": lambda: _on_threads(1, fold),
    }
    if with_flower:
        replies = flower_replies(flower_pool(build_model(scenario)), clients)
        calls["flwr"] = lambda: flower_fold(replies)
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            taken[name].append(call())
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def fedmtl_peak(scenario: Scenario, clients: int) -> float:
    """The most memory that a round of ours takes beyond the model and `POOL` updates, in MB."""
    few, many = (Server(scenario, count) for count in (2, clients))
    with threads(THREADS):
        return peak_megabytes(partial(many.fold, copies=True), warm_up=partial(few.fold, copies=True))


def flower_peak(scenario: Scenario, clients: int) -> float:
    """The most memory that Flower's takes, with the replies that it is given, in MB."""
    pool = flower_pool(build_model(scenario))

    def fold(clients: int) -> float:
        return flower_fold(flower_replies(pool, clients))

    return peak_megabytes(partial(fold, clients), warm_up=partial(fold, 1))


def _peak(measure: Callable[[Scenario, int], float], scenario: Scenario, clients: int) -> float | None:
    if not can_measure():
        return None
    with measuring_process() as process:
        return process.submit(measure, scenario, clients).result()


def _on_threads(count: int, call: Callable[[], float]) -> float:
    with threads(count):
        return call()
