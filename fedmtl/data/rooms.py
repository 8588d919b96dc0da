"""Furnished rooms, rendered from a seed: exact labels for every dense task, and sites that differ.

Nothing is stored. A sample is drawn anew each time, from its id alone, so it is the same in any order, thread
or process.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from fedmtl.data.base import Problem, Sample, Source
from fedmtl.data.rendering import CLASSES, OBJECTS, ROOM_TYPES, Scene, Style, View, labels, look, sample
from fedmtl.errors import ConfigError, DataError
from fedmtl.seeding import numpy_rng
from fedmtl.tasks.base import Label
from fedmtl.tasks.spec import TaskSpec

TASKS = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            TaskSpec("semseg", "semseg", CLASSES),
            TaskSpec("depth", "depth"),
            TaskSpec("normals", "normals"),
            TaskSpec("edge", "edge"),
            TaskSpec("saliency", "saliency"),
            TaskSpec("room_type", "classification", ROOM_TYPES),
            TaskSpec("objects", "multilabel", OBJECTS),
            TaskSpec("measures", "regression", ("distance", "luminance")),
        )
    }
)

LABELS: Mapping[str, Callable[[Scene, View], Label]] = {
    "semseg": labels.semseg,
    "depth": lambda scene, view: view.depth,
    "normals": lambda scene, view: view.normals,
    "edge": labels.edges,
    "saliency": labels.saliency,
    "room_type": lambda scene, view: np.array([ROOM_TYPES.index(scene.room_type)], dtype=np.int64),
    "objects": labels.objects,
    "measures": lambda scene, view: labels.measures(view),
}


@dataclass
class Rooms(Source):
    """Views of furnished rooms at several sites, each with its own colours, furniture, light and camera.

    Labels: `semseg` class indices · `depth` z along the optical axis, metres · `normals` unit vectors in the
    camera's frame, x right, y down, z forward · `edge` borders between instances · `saliency` strongly
    coloured ornaments · `room_type` · `objects` which classes are seen · `measures` mean depth in metres and
    mean luminance. Sample ids are `<site>/<split>-<index>`.

    Raises:
        ConfigError: an option is out of range.
    """

    seed: int = 0
    """Another seed, other sites."""
    height: int = 96
    width: int = 128
    sites: int = 4
    """They are called 0, 1, 2, …"""
    train: int = 200
    """Images per site and split."""
    val: int = 50
    test: int = 50

    def __post_init__(self) -> None:
        least = {"seed": 0, "height": 16, "width": 16, "sites": 1, "train": 1, "val": 0, "test": 0}
        for option, bound in least.items():
            value = getattr(self, option)
            if isinstance(value, bool) or not isinstance(value, int) or value < bound:
                raise ConfigError(f"rooms: {option} must be a whole number from {bound} on, not {value!r}")

    @property
    def tasks(self) -> Mapping[str, TaskSpec]:
        """All eight tasks; every image has all labels."""
        return TASKS

    @property
    def channels(self) -> int:
        """Red, green, blue."""
        return 3

    def ids(self, split: str) -> Sequence[str]:
        """Ids of a split, site by site."""
        count = self._counts.get(split, 0)
        return [f"{site}/{split}-{index}" for site in range(self.sites) for index in range(count)]

    def site(self, sample_id: str) -> str:
        """The site in an id."""
        return self._parse(sample_id)[0]

    def load(self, sample_id: str, tasks: Sequence[str]) -> Sample:
        """Render a sample: a uint8 image (height, width, 3) and those of `tasks` that rooms have.

        Raises:
            DataError: this source has no such id.
        """
        site, split, index = self._parse(sample_id)
        style = Style.of(self.seed, site)
        rng = numpy_rng(self.seed, "rooms", site, split, index)
        scene, camera = sample(style, rng)
        view = look(scene, camera, (self.height, self.width))
        image = style.lens.develop(view.radiance, rng)
        return Sample(sample_id, image, {task: LABELS[task](scene, view) for task in tasks if task in LABELS})

    def check(
        self, tasks: Sequence[str] | None = None, splits: Sequence[str] = ("train", "val")
    ) -> list[Problem]:
        """Nothing can be wrong with labels that are computed."""
        return []

    @property
    def _counts(self) -> dict[str, int]:
        return {"train": self.train, "val": self.val, "test": self.test}

    def _parse(self, sample_id: str) -> tuple[str, str, int]:
        parts = re.fullmatch(r"(0|[1-9]\d*)/(train|val|test)-(0|[1-9]\d*)", sample_id)
        if not parts or int(parts[1]) >= self.sites or int(parts[3]) >= self._counts[parts[2]]:
            raise DataError(
                f"rooms has no sample '{sample_id}': ids are <site>/<split>-<index>, as 0/train-0"
            )
        return parts[1], parts[2], int(parts[3])
