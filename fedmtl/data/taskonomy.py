"""Taskonomy (Zamir et al. 2018): rooms of some hundred buildings, every image with labels of many tasks."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from fedmtl.data.archive import Archive
from fedmtl.data.base import Problem
from fedmtl.data.gaps import Listing
from fedmtl.data.splits import SPLITS, Split
from fedmtl.data.taskonomy_buildings import Buildings, read_buildings
from fedmtl.data.taskonomy_labels import SPECS, read_label
from fedmtl.tasks.base import Label
from fedmtl.tasks.spec import TaskSpec

POINT = re.compile(r"(point_\d+_view_\d+)_domain_rgb\.png")
FOLDERS = {
    "autoencoding": ("rgb",),
    "room_layout": ("point_info", "points"),
    "vanishing_points": ("point_info", "points"),
}
"""Task → the folders that its labels may lie in, by default one that is called like it."""
_POSE = ("fixatedpose", "point_info")
WORDS = {
    "autoencoding": ("rgb",),
    "class_scene": ("class_places", "class_scene"),
    "room_layout": _POSE,
    "vanishing_points": _POSE,
}
"""Task → the words that its files' names may have for it, by default its own name, with and without underscores."""
SUFFIXES = {
    "class_object": ".npy",
    "class_scene": ".npy",
    "room_layout": ".json",
    "vanishing_points": ".json",
}
PATTERNS = ("{domain}/taskonomy/{building}", "{domain}/{building}", "{building}/{domain}")
"""Where images of a building lie, as omnidata's tool, the mirrors and the authors' own archives have it."""
_SHOWN = "[!.]*"
"""Any name but those of hidden folders, which file managers and notebooks leave behind."""


@dataclass
class Taskonomy(Archive):
    """Images of 512×512 with labels of 17 tasks each; the building is an image's site.

    ```
    rgb/<building>/point_<P>_view_<V>_domain_rgb.png        or rgb/taskonomy/<building>/…, or <building>/rgb/…
    depth_euclidean/… depth_zbuffer/…                       16 bits, x / 512 metres, 65535 unlabelled
    normal/…                                                2x/255 − 1
    segment_semantic/…_domain_segmentsemantic.png           1 background, 2 to 17 things, 0 unlabelled
    edge_texture/… edge_occlusion/… keypoints2d/… keypoints3d/…     16 bits, see `taskonomy_labels.RANGES`
    principal_curvature/…                                   8 bits in each of the first two channels
    reshading/…                                             8 bits, grey
    segment_unsup2d/… segment_unsup25d/…                    8 bits, the regions' numbers
    class_object/…_domain_class_object.npy                  1000 probabilities, or logits
    class_scene/…_domain_class_places.npy                   365
    point_info/…_domain_fixatedpose.json                    or points/…: see `taskonomy_camera`
    train_val_test_<size>.csv                               which buildings are in which split
    ```

    The lists are those of Taskonomy's splits_taskonomy.zip. Without one, the 35 buildings of the tiny split are known.
    """

    title: ClassVar[str] = "Taskonomy"
    piecewise: ClassVar[bool] = True
    complete: ClassVar[bool] = False
    image_suffixes: ClassVar[tuple[str, ...]] = (".png",)
    marks: ClassVar[tuple[str, ...]] = ("rgb",)
    specs: ClassVar[Mapping[str, TaskSpec]] = SPECS

    @classmethod
    def fits(cls, root: Path) -> bool:
        """Whether there are images with Taskonomy's names, in one of the `PATTERNS`."""
        return _pattern(root) is not None

    @property
    def layout(self) -> str:
        """How the folders lie, and which split is known."""
        self.require_layout()
        listed = self.buildings
        return (
            f"{self.title} as {self._pattern.format(domain='<task>', building='<building>')}, "
            f"{len(self._there)} buildings, split by {listed.name}"
        )

    @cached_property
    def buildings(self) -> Buildings:
        """Which buildings are in which split.

        Raises:
            DataError: a list in the folder is broken; names it.
        """
        return read_buildings(self.root, self._there)

    @cached_property
    def splits(self) -> Mapping[str, Split]:
        """The images of each split's buildings, sorted by building and name."""
        self.require_layout()
        found = {name: self._of_split(name) for name in SPLITS}
        return {
            name: Split(tuple(sample_id for each in those for sample_id in self._listed(each)), ())
            for name, those in found.items()
            if those
        }

    def split_path(self, name: str) -> Path:
        """The list of buildings, or the folder where there is none."""
        return self.buildings.path or self.root

    def site(self, sample_id: str) -> str:
        """The building."""
        return sample_id.partition("/")[0]

    def remarks(self) -> Sequence[Problem]:
        """Buildings of the list that are not there."""
        listed = {each for split in self.buildings.of.values() for each in split}
        if not (gone := sorted(listed - set(self._there))):
            return ()
        names = ", ".join(gone[:3]) + (" …" if len(gone) > 3 else "")
        what = f"has {len(listed) - len(gone)} of the {len(listed)} buildings of {self.buildings.name}; not {names}"
        return [Problem(str(self.root), what)]

    def strays(self, tasks: Sequence[str]) -> Sequence[Problem]:
        """Buildings that are in no split."""
        listed = {each for split in self.buildings.of.values() for each in split}
        what = (
            f"is in no split of {self.buildings.name}; put train_val_test_fullplus.csv of Taskonomy's "
            f"splits_taskonomy.zip into {self.root}"
        )
        return [Problem(str(self._folder("rgb", each)), what) for each in self._there if each not in listed]

    def lacks(self, sample_id: str, tasks: Sequence[str]) -> Sequence[Problem]:
        """Nothing: the images are those that were found, and labels may be missing."""
        return ()

    def listings(self, split: str, tasks: Sequence[str]) -> Iterator[Listing]:
        """Building by building."""
        for building in self._of_split(split):
            labelled = {own: self._labelled(building, own) for own in tasks}
            yield Listing(frozenset(self._listed(building)), labelled)

    def image_stem(self, sample_id: str) -> Path:
        """In the building's folder of rgb."""
        building, _, point = sample_id.partition("/")
        return self._folder("rgb", building) / f"{point}_domain_rgb"

    def folders(self, own: str) -> Sequence[Path]:
        """One, that of the first building which has the task, or else of the first one."""
        domains = FOLDERS.get(own, (own,))
        of_building = [self._folder(domain, building) for building in self._there for domain in domains]
        return [next((folder for folder in of_building if folder.is_dir()), of_building[0])]

    def label_files(self, sample_id: str, own: str) -> Sequence[Path]:
        """One; some of the files' names have another word than their folder's."""
        building, _, point = sample_id.partition("/")
        paths = [
            self._folder(domain, building) / f"{point}_domain_{word}{_suffix(own)}"
            for domain in FOLDERS.get(own, (own,))
            for word in _words(own)
        ]
        return [next((path for path in paths if path.is_file()), paths[0])]

    def read(self, sample_id: str, own: str, size: tuple[int, int] | None) -> Label:
        """One label; see `Archive.read`."""
        (path,) = self.label_files(sample_id, own)
        return read_label(path, own)

    @cached_property
    def _pattern(self) -> str:
        self.require_layout()
        return _pattern(self.root) or PATTERNS[0]

    @cached_property
    def _there(self) -> Sequence[str]:
        """The buildings that have a folder of images."""
        found = self.root.glob(self._pattern.format(domain="rgb", building=_SHOWN))
        within = self._pattern.endswith("{building}")
        return sorted((each if within else each.parent).name for each in found if each.is_dir())

    def _of_split(self, name: str) -> Sequence[str]:
        return [each for each in self._there if each in self.buildings.of[name]]

    def _folder(self, domain: str, building: str) -> Path:
        return self.root / self._pattern.format(domain=domain, building=building)

    def _listed(self, building: str) -> Sequence[str]:
        with os.scandir(self._folder("rgb", building)) as entries:
            found = (POINT.fullmatch(entry.name) for entry in entries)
            return sorted(f"{building}/{point[1]}" for point in found if point)

    def _labelled(self, building: str, own: str) -> AbstractSet[str]:
        """Ids of the labels of a task that are there."""
        words = "|".join(_words(own))
        label = re.compile(rf"(point_\d+_view_\d+)_domain_(?:{words}){re.escape(_suffix(own))}")
        ids: set[str] = set()
        for folder in (self._folder(domain, building) for domain in FOLDERS.get(own, (own,))):
            if folder.is_dir():
                with os.scandir(folder) as entries:
                    found = (label.fullmatch(entry.name) for entry in entries if entry.is_file())
                    ids.update(f"{building}/{point[1]}" for point in found if point)
        return ids


def _words(own: str) -> Sequence[str]:
    return WORDS.get(own, (own, own.replace("_", "")))


def _suffix(own: str) -> str:
    return SUFFIXES.get(own, ".png")


def _pattern(root: Path) -> str | None:
    """The pattern by which images lie below a folder; None where there are none."""
    for pattern in PATTERNS:
        for folder in root.glob(pattern.format(domain="rgb", building=_SHOWN)):
            if folder.is_dir() and any(POINT.fullmatch(each.name) for each in folder.iterdir()):
                return pattern
    return None
