"""Images of several sites as one source, which no federation could have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from clients.site import Site
from fedmtl.data.base import Problem, Sample, Source
from fedmtl.tasks import TaskSpec


@dataclass
class Pool(Source):
    """The training images of sites put together, each with the labels that its own site has of it, and no others.

    Its ids are `<client>/<sample>`; the images have no files, so they are cached in memory alone.

    Args:
        members: client → its site; all of one number of channels.
    """

    members: Mapping[str, Site]

    @property
    def tasks(self) -> Mapping[str, TaskSpec]:
        return {spec.name: spec for _, site in sorted(self.members.items()) for spec in site.tasks}

    @property
    def channels(self) -> int:
        return next(iter(self.members.values())).source.channels

    def ids(self, split: str) -> Sequence[str]:
        if split != "train":
            return ()
        return [f"{client}/{each}" for client, site in self.members.items() for each in site.share.train]

    def site(self, sample_id: str) -> str:
        return sample_id.partition("/")[0]

    def has_label(self, sample_id: str, task: str) -> bool:
        client, _, own_id = sample_id.partition("/")
        return task in _names(self.members[client]) and self.members[client].source.has_label(own_id, task)

    def load(self, sample_id: str, tasks: Sequence[str]) -> Sample:
        client, _, own_id = sample_id.partition("/")
        site = self.members[client]
        sample = site.source.load(own_id, [task for task in tasks if task in _names(site)])
        return replace(sample, id=sample_id)

    def check(
        self, tasks: Sequence[str] | None = None, splits: Sequence[str] = ("train", "val")
    ) -> list[Problem]:
        """Nothing: every member's own source has been checked before."""
        return []


def _names(site: Site) -> set[str]:
    return {spec.name for spec in site.tasks}
