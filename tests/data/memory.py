"""A source whose samples lie in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fedmtl.data.base import Problem, Sample, Source
from fedmtl.tasks.spec import TaskSpec


@dataclass
class Memory(Source):
    specs: Sequence[TaskSpec] = ()
    samples: dict[str, Sample] = field(default_factory=dict)
    splits: dict[str, list[str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    loads: int = 0

    @property
    def tasks(self) -> Mapping[str, TaskSpec]:
        return {spec.name: spec for spec in self.specs}

    @property
    def channels(self) -> int:
        return next(iter(self.samples.values())).image.shape[2]

    def ids(self, split: str) -> Sequence[str]:
        return self.splits.get(split, [])

    def site(self, sample_id: str) -> str:
        return sample_id.partition("/")[0] if "/" in sample_id else ""

    def load(self, sample_id: str, tasks: Sequence[str]) -> Sample:
        self.loads += 1
        sample = self.samples[sample_id]
        return Sample(sample_id, sample.image, {t: label for t, label in sample.labels.items() if t in tasks})

    def check(
        self, tasks: Sequence[str] | None = None, splits: Sequence[str] = ("train", "val")
    ) -> list[Problem]:
        return self.problems


CLASSES = TaskSpec("semseg", "semseg", ("a", "b", "c"))


def classified(train: Sequence[str], val: Sequence[str], seed: int = 0) -> Memory:
    """Images of 4x4 whose one class is random."""
    rng = np.random.default_rng(seed)
    ids: list[str] = [*train, *val]
    labels: dict[str, Any] = {i: np.full((4, 4), rng.integers(3), dtype=np.uint8) for i in ids}
    samples = {i: Sample(i, np.zeros((4, 4, 3), np.uint8), {"semseg": labels[i]}) for i in ids}
    return Memory([CLASSES], samples, {"train": list(train), "val": list(val)})
