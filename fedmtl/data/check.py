"""Finding everything wrong with the files of a source before anything trains on it."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

from fedmtl.data.base import Problem
from fedmtl.data.finding import Finding, State, inspect_sample
from fedmtl.tasks.human_parts import HumanParts, lone_sides

if TYPE_CHECKING:
    from fedmtl.data.on_disk import OnDisk


@dataclass(frozen=True)
class Count:
    """How many images of a split have a task's label.

    Attributes:
        images: images that the split names and that were looked at.
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
    """What `inspect` found.

    Attributes:
        problems: everything wrong.
        counts: for each split and task.
        layout: what lies in the folder, in words.
        sizes: `<width>x<height>` → how many of the images are of that size, the most frequent first.
        remarks: what is missing though the rest can be used without it.
    """

    problems: list[Problem]
    counts: list[Count]
    layout: str = ""
    sizes: Mapping[str, int] = field(default_factory=dict)
    remarks: list[Problem] = field(default_factory=list)


def inspect(
    source: OnDisk,
    tasks: Sequence[str] | None = None,
    splits: Sequence[str] = ("train", "val"),
    *,
    most: int | None = None,
    remark: bool = True,
) -> Report:
    """Decode every image and label of `tasks` in `splits` and, if there, `test`.

    Args:
        tasks: names of tasks; None: all that the source has or could have.
        most: decode at most so many images, spread over all of them, and count those alone.
        remark: look also for what the source can be used without, where that takes time.

    Raises:
        DataError: the folder is none of this kind, or has no such task; names what is missing or wrong.
    """
    layout = source.layout
    names = list(source.known_tasks if tasks is None else tasks)
    ids, problems = _read_splits(source, splits)
    problems += _leaks(source, ids)
    absent = {task: problem for task in names if (problem := source.absent(task))}
    readable = [task for task in names if task not in absent]
    remarks = [*source.remarks(), *_lone_sides(source, names)]
    # Of a data set that comes piece by piece, nobody has to have all pieces.
    (remarks if source.piecewise and tasks is None else problems).extend(dict.fromkeys(absent.values()))
    problems += source.strays(readable)
    if source.complete or remark:
        gaps = [gap for split in ids for gap in source.gaps(split, readable)]
        (problems if source.complete else remarks).extend(gaps)
    every = list(dict.fromkeys(sample_id for split in ids.values() for sample_id in split))
    step = 1 if most is None else max(math.ceil(len(every) / most), 1)
    unique = every[::step]
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        found = pool.map(lambda sample_id: inspect_sample(source, sample_id, readable), unique)
        findings = dict(zip(unique, found, strict=True))
    for sample_id in every:
        found_here = findings.get(sample_id)
        problems += source.lacks(sample_id, readable) if found_here is None else found_here.problems
    problems += _odd_channels(source, findings)
    counts = [
        _count(split, task, [findings[sample_id] for sample_id in ids[split] if sample_id in findings])
        for split in ids
        for task in names
    ]
    problems += [
        Problem(str(source.split_path(count.split)), f"no image has a labelled value of task '{count.task}'")
        for count in counts
        if step == 1 and count.task in readable and count.images and not count.labelled and not count.damaged
    ]
    # What is wrong with a list is wrong with all the splits in it.
    problems = list(dict.fromkeys(problems))
    sizes = Counter(f"{each.size[1]}x{each.size[0]}" for each in findings.values() if each.size)
    return Report(problems, counts, layout, dict(sizes.most_common()), remarks)


def _read_splits(source: OnDisk, splits: Sequence[str]) -> tuple[dict[str, tuple[str, ...]], list[Problem]]:
    ids: dict[str, tuple[str, ...]] = {}
    problems: list[Problem] = []
    for name in dict.fromkeys((*splits, "test")):
        path = source.split_path(name)
        if name in source.splits:
            split = source.splits[name]
            ids[name] = split.ids
            problems += [error.problem for error in split.problems]
            if not (split.ids or split.problems):
                problems.append(Problem(str(path), "names no image"))
        elif name in splits:
            problems.append(Problem(str(path), "there is no such split"))
    return ids, problems


def _leaks(source: OnDisk, ids: Mapping[str, Sequence[str]]) -> Iterable[Problem]:
    for one, other in combinations(ids, 2):
        shared = sorted(set(ids[one]) & set(ids[other]))
        if shared:
            more = f" and {len(shared) - 1} more are" if len(shared) > 1 else " is"
            yield Problem(str(source.split_path(other)), f"'{shared[0]}'{more} also in {one}.txt")


def _lone_sides(source: OnDisk, tasks: Sequence[str]) -> Iterable[Problem]:
    for task in tasks:
        kind = source.kind(task)
        for one, other in lone_sides(kind.spec.classes) if isinstance(kind, HumanParts) else ():
            what = (
                f"class '{one}' of task '{task}' has no class '{other}' to change places with in a mirrored image; "
                "name both sides alike, or set data.augment.flip=false"
            )
            yield Problem(str(source.root), what)


def _odd_channels(source: OnDisk, findings: Mapping[str, Finding]) -> Iterable[Problem]:
    counts = Counter(finding.channels for finding in findings.values() if finding.channels is not None)
    if len(counts) > 1:
        usual = counts.most_common(1)[0][0]
        for sample_id, finding in findings.items():
            if finding.channels not in (usual, None):
                what = f"number of channels is {finding.channels}, of most images {usual}"
                yield Problem(str(source.image_path(sample_id)), what)


def _count(split: str, task: str, findings: Sequence[Finding]) -> Count:
    states = Counter(finding.states.get(task, State.missing) for finding in findings)
    return Count(
        split, task, len(findings), states[State.labelled], states[State.missing], states[State.damaged]
    )
