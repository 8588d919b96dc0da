"""A source that is another one but for what a subclass changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fedmtl.data.base import Problem, Sample, Source
from fedmtl.tasks.spec import TaskSpec


@dataclass
class Wrapped(Source):
    """Passes everything on to `source`. Who changes what `load` gives has to change `files`, which name it, as well."""

    source: Source

    @property
    def tasks(self) -> Mapping[str, TaskSpec]:
        return self.source.tasks

    @property
    def channels(self) -> int:
        return self.source.channels

    def ids(self, split: str) -> Sequence[str]:
        return self.source.ids(split)

    def site(self, sample_id: str) -> str:
        return self.source.site(sample_id)

    def has_label(self, sample_id: str, task: str) -> bool:
        return self.source.has_label(sample_id, task)

    def files(self, sample_id: str, tasks: Sequence[str]) -> Sequence[Path]:
        return self.source.files(sample_id, tasks)

    def load(self, sample_id: str, tasks: Sequence[str]) -> Sample:
        return self.source.load(sample_id, tasks)

    def check(
        self, tasks: Sequence[str] | None = None, splits: Sequence[str] = ("train", "val")
    ) -> list[Problem]:
        return self.source.check(tasks, splits)
