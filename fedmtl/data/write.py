"""Writing any source as a data-set folder: the inverse of `Folder`."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray
from PIL import Image

from fedmtl.data.base import Source
from fedmtl.data.splits import SPLITS
from fedmtl.errors import DataError
from fedmtl.tasks import build_task
from fedmtl.tasks.base import Task
from fedmtl.tasks.spec import TaskSpec


@dataclass(frozen=True)
class _Written:
    """What the table and dataset.yaml have to know of a written sample."""

    row: list[str]
    absent: set[str]


def write_folder(source: Source, path: Path) -> None:
    """Write all images and labels of a source as a data-set folder that `Folder` reads.

    Images become PNG, or .npy if they are not uint8 with one or three channels. dataset.yaml comes last, so
    that an interrupted folder is not taken for a whole one.

    Raises:
        DataError: `path` exists and is not an empty folder, or two tasks need the same column of labels.csv.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise DataError(f"{path} exists already and is not an empty folder; choose another path")
    tasks = {name: build_task(spec) for name, spec in sorted(source.tasks.items())}
    columns = _columns(tasks)
    splits = {split: list(source.ids(split)) for split in SPLITS}
    ids = [sample_id for split in splits.values() for sample_id in split]
    path.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        written = list(
            pool.map(lambda sample_id: _write_sample(source, sample_id, tasks, columns, path), ids)
        )
    for split, members in splits.items():
        if members:
            (path / f"{split}.txt").write_text(
                "".join(f"{sample_id}\n" for sample_id in members), encoding="utf-8"
            )
    if columns:
        with (path / "labels.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(["id", *(column for needed in columns.values() for column in needed)])
            table.writerows(sample.row for sample in written)
    partial = set().union(*(sample.absent for sample in written))
    manifest = {
        "name": path.name,
        "tasks": {name: _entry(task.spec, name in partial) for name, task in tasks.items()},
    }
    (path / "dataset.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False), encoding="utf-8")


def _entry(spec: TaskSpec, partial: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {"kind": spec.kind}
    if spec.classes:
        entry["classes"] = list(spec.classes)
    if partial:
        entry["partial"] = True
    return entry


def _columns(tasks: Mapping[str, Task]) -> dict[str, tuple[str, ...]]:
    """The columns of labels.csv that each image-level task takes."""
    columns: dict[str, tuple[str, ...]] = {}
    for name, task in tasks.items():
        if not task.dense:
            per_class = len(task.encode(task.unlabelled((1, 1)))) == len(task.spec.classes)
            columns[name] = task.spec.classes if per_class else (name,)
    taken = ["id", *(column for needed in columns.values() for column in needed)]
    for name, needed in columns.items():
        for column in {*needed, name}:
            if taken.count(column) > (column in needed):
                raise DataError(
                    f"labels.csv cannot hold task '{name}': another task has a column '{column}' as well"
                )
    return columns


def _write_sample(
    source: Source,
    sample_id: str,
    tasks: Mapping[str, Task],
    columns: Mapping[str, tuple[str, ...]],
    path: Path,
) -> _Written:
    sample = source.load(sample_id, list(tasks))
    _write_image(sample.image, path / "images" / sample_id)
    row = [sample_id]
    for name, needed in columns.items():
        label = sample.labels.get(name)
        row += [""] * len(needed) if label is None else _cells(tasks[name], label)
    maps = [name for name, task in tasks.items() if task.dense and not task.of_image]
    for name in maps:
        if name in sample.labels:
            raw = tasks[name].encode(sample.labels[name])
            _write_png(raw, path / name / sample_id)
    return _Written(row, {name for name in maps if name not in sample.labels})


def _cells(task: Task, label: NDArray[Any]) -> list[str]:
    values = task.encode(label)
    if len(values) < len(task.spec.classes):  # one class index
        return ["" if np.isnan(values[0]) else task.spec.classes[int(values[0])]]
    return ["" if np.isnan(value) else f"{value:.9g}" for value in values]  # 9 digits make float32 exact


def _write_image(image: NDArray[Any], stem: Path) -> None:
    if image.dtype == np.uint8 and image.shape[2] in (1, 3):
        _write_png(image[:, :, 0] if image.shape[2] == 1 else image, stem)
    else:
        stem.parent.mkdir(parents=True, exist_ok=True)
        np.save(stem.with_name(f"{stem.name}.npy"), image)


def _write_png(array: NDArray[Any], stem: Path) -> None:
    stem.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(stem.with_name(f"{stem.name}.png"))
