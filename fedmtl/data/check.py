"""Finding everything wrong with a data-set folder before anything trains on it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from fedmtl.data.base import Problem
from fedmtl.data.files import FileError
from fedmtl.data.finding import Finding, State, inspect_sample

if TYPE_CHECKING:
    from fedmtl.data.folder import Folder


@dataclass(frozen=True)
class Count:
    """How many images of a split have a task's label.

    Attributes:
        images: images that the split names.
        labelled: those with at least one labelled pixel or value.
        missing: those without a label.
        damaged: those whose image or label cannot be used.
    """

    split: str
    task: str
    images: int
    labelled: int
    missing: int
    damaged: int


@dataclass(frozen=True)
class Report:
    """What `inspect` found: everything wrong, and a count per split and task."""

    problems: list[Problem]
    counts: list[Count]


def inspect(
    folder: Folder, tasks: Sequence[str] | None = None, splits: Sequence[str] = ("train", "val")
) -> Report:
    """Decode every image and label of `tasks` (default: all) in `splits` and, if there, `test`.

    Raises:
        DataError: dataset.yaml is missing or wrong, or names no such task.
    """
    names = list(folder.manifest.tasks if tasks is None else tasks)
    ids, problems = _read_splits(folder, splits)
    problems += _leaks(folder, ids)
    readable, table_problems = _check_table(folder, names)
    problems += table_problems
    unique = list(dict.fromkeys(sample_id for split in ids.values() for sample_id in split))
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        found = pool.map(lambda sample_id: inspect_sample(folder, sample_id, readable), unique)
        findings = dict(zip(unique, found, strict=True))
    for finding in findings.values():
        problems += finding.problems
    problems += _odd_channels(folder, findings)
    counts = [
        _count(split, task, [findings[sample_id] for sample_id in ids[split]])
        for split in ids
        for task in names
    ]
    problems += [
        Problem(str(folder.split_path(count.split)), f"no image has a labelled value of task '{count.task}'")
        for count in counts
        if count.task in readable and count.images and not count.labelled and not count.damaged
    ]
    return Report(problems, counts)


def _read_splits(folder: Folder, splits: Sequence[str]) -> tuple[dict[str, tuple[str, ...]], list[Problem]]:
    ids: dict[str, tuple[str, ...]] = {}
    problems: list[Problem] = []
    for name in dict.fromkeys((*splits, "test")):
        path = folder.split_path(name)
        if name in folder.splits:
            split = folder.splits[name]
            ids[name] = split.ids
            problems += [error.problem for error in split.problems]
            if not (split.ids or split.problems):
                problems.append(Problem(str(path), "names no image"))
        elif name in splits:
            problems.append(Problem(str(path), "there is no such split"))
    return ids, problems


def _leaks(folder: Folder, ids: Mapping[str, Sequence[str]]) -> Iterable[Problem]:
    for one, other in combinations(ids, 2):
        shared = sorted(set(ids[one]) & set(ids[other]))
        if shared:
            more = f" and {len(shared) - 1} more are" if len(shared) > 1 else " is"
            yield Problem(str(folder.split_path(other)), f"'{shared[0]}'{more} also in {one}.txt")


def _check_table(folder: Folder, tasks: Sequence[str]) -> tuple[list[str], list[Problem]]:
    """The tasks whose labels can be looked for, and what is wrong with labels.csv as a whole."""
    image_level = [task for task in tasks if not folder.entry(task).task.dense]
    if not image_level:
        return list(tasks), []
    try:
        table = folder.table
    except FileError as error:
        return [task for task in tasks if task not in image_level], [error.problem]
    readable, problems = list(tasks), []
    for task in image_level:
        try:
            table.columns_of(folder.entry(task).task.spec)
        except FileError as error:
            readable.remove(task)
            problems.append(error.problem)
    known = {sample_id for split in folder.splits.values() for sample_id in split.ids}
    problems += [
        Problem(str(table.path), f"row '{row}' is in no split") for row in table.rows if row not in known
    ]
    return readable, problems


def _odd_channels(folder: Folder, findings: Mapping[str, Finding]) -> Iterable[Problem]:
    counts = Counter(finding.channels for finding in findings.values() if finding.channels is not None)
    if len(counts) > 1:
        usual = counts.most_common(1)[0][0]
        for sample_id, finding in findings.items():
            if finding.channels not in (usual, None):
                what = f"number of channels is {finding.channels}, of most images {usual}"
                yield Problem(str(folder.image_path(sample_id)), what)


def _count(split: str, task: str, findings: Sequence[Finding]) -> Count:
    states = Counter(finding.states.get(task, State.missing) for finding in findings)
    return Count(
        split, task, len(findings), states[State.labelled], states[State.missing], states[State.damaged]
    )
