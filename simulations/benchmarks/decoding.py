"""What one image and each of its labels take to decode, from files that the system has in memory already.

Times are the processor's, so that they say the same on a machine that does other things as well.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from fedmtl.data.on_disk import OnDisk

IMAGES = 4
NO_MAPS = {"yaml"}
"""Suffixes of files that say how others are read."""


def decoding_rows(sources: Mapping[str, OnDisk], *, repeats: int = 5) -> list[dict[str, Any]]:
    """Rows of data, what (image, a task, or all of a sample), files (their types), milliseconds (median), and size.

    Resizing is not in it. Each of the first images is decoded so many times, after once for what only that does.
    """
    return [row for name, source in sources.items() for row in _rows(name, source, repeats)]


def _rows(name: str, source: OnDisk, repeats: int) -> Iterator[dict[str, Any]]:
    ids = list(source.ids("train"))[:IMAGES]
    height, width = source.image(ids[0]).shape[:2]
    tasks = list(source.tasks)
    parts: dict[str, Callable[[str], object]] = {"image": source.image}
    parts |= {task: partial(_label, source, task) for task in tasks}
    parts["all"] = lambda sample_id: source.load(sample_id, tasks)
    for what, part in parts.items():
        needed = {"image": [], "all": tasks}.get(what, [what])
        image, *labels = source.files(ids[0], needed)
        files = [image] if what == "image" else [image, *labels] if what == "all" else labels
        yield {
            "measured": "decoding",
            "data": name,
            "what": what,
            "files": " ".join(sorted({path.suffix[1:] for path in files} - NO_MAPS)),
            "height": height,
            "width": width,
            "milliseconds": _milliseconds(part, ids, repeats),
        }


def _label(source: OnDisk, task: str, sample_id: str) -> object:
    return source.label(sample_id, task, None)


def _milliseconds(part: Callable[[str], object], ids: list[str], repeats: int) -> float:
    taken = []
    for turn in range(1 + repeats):
        for sample_id in ids:
            start = time.process_time()
            part(sample_id)
            if turn:
                taken.append(1000 * (time.process_time() - start))
    return statistics.median(taken)
