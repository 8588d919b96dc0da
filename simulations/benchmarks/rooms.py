"""How fast rooms are rendered, labels included, and what the first image of a process costs."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any

from fedmtl.data.rooms import Rooms
from simulations.benchmarks.settings import refuse_settings

FIRST_IMAGE = """
import time
from fedmtl.data.rooms import Rooms
rooms = Rooms()
start = time.perf_counter()
rooms.load("0/train-0", list(rooms.tasks))
print(time.perf_counter() - start)
"""


def run(overrides: Sequence[str] = (), *, images: int = 100, repeats: int = 5) -> list[dict[str, Any]]:
    """Rows for one thread, two threads and two processes: the median over `repeats` runs of `images` images.

    Raises:
        ConfigError: there are overrides, for which there is no scenario here.
    """
    refuse_settings("rooms", overrides)
    rooms = Rooms(train=images)
    first = _first_image_seconds()
    pools: list[tuple[int, int, Executor]] = [
        (1, 1, ThreadPoolExecutor(1)),
        (1, 2, ThreadPoolExecutor(2)),
        (2, 1, ProcessPoolExecutor(2, get_context("spawn"))),
    ]
    rows = []
    for processes, threads, pool in pools:
        with pool:
            seconds = _seconds(pool, rooms, repeats)
        size = {"height": rooms.height, "width": rooms.width, "images": images}
        speed = {"seconds": seconds, "images_per_second": images / seconds}
        rows.append({"processes": processes, "threads": threads, **size, **speed, **first})
    return rows


def _seconds(pool: Executor, rooms: Rooms, repeats: int) -> float:
    # Every fourth image of each of the four sites: all sites count alike.
    ids = list(rooms.ids("train"))[:: rooms.sites]
    taken = []
    # The first run, in which kernels are loaded, does not count.
    for _ in range(1 + repeats):
        start = time.perf_counter()
        for _ in pool.map(partial(_load, rooms), ids, chunksize=max(1, len(ids) // 10)):
            pass
        taken.append(time.perf_counter() - start)
    return statistics.median(taken[1:])


def _load(rooms: Rooms, sample_id: str) -> None:
    rooms.load(sample_id, list(rooms.tasks))


def _first_image_seconds() -> dict[str, float]:
    """Seconds until a new process has its first image: with nothing compiled yet, and from the cache."""
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
        command = [sys.executable, "-c", FIRST_IMAGE]
        runs = [subprocess.run(command, env=environment, capture_output=True, check=True) for _ in range(2)]
    compiling, cached = (float(run.stdout) for run in runs)
    return {"first_image_compiling_seconds": compiling, "first_image_cached_seconds": cached}
