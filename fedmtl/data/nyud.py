"""NYUD-v2 (Silberman et al. 2012), as the field's multi-task archives have it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from fedmtl.data.archive import Archive
from fedmtl.data.encodings import class_indices, metres, read_map, shares, unit_vectors
from fedmtl.data.files import find_file
from fedmtl.tasks.base import Label
from fedmtl.tasks.semseg import IGNORE
from fedmtl.tasks.spec import TaskSpec

# The 40 of Gupta et al., "Perceptual Organization and Recognition of Indoor Scenes from RGB-D Images" (2013).
# fmt: off
CLASSES = (
    "wall", "floor", "cabinet", "bed", "chair", "sofa", "table", "door", "window", "bookshelf",
    "picture", "counter", "blinds", "desk", "shelves", "curtain", "dresser", "pillow", "mirror", "floor mat",
    "clothes", "ceiling", "books", "refrigerator", "television", "paper", "towel", "shower curtain", "box",
    "whiteboard", "person", "night stand", "toilet", "sink", "lamp", "bathtub", "bag",
    "otherstructure", "otherfurniture", "otherprop",
)
# fmt: on
LABELS: Mapping[str, tuple[str, tuple[str, ...], str]] = {
    "semseg": ("segmentation", (".png", ".mat"), "segmentation"),
    "depth": ("depth", (".npy", ".mat"), "depth"),
    "normals": ("normals", (".png", ".npy", ".jpg"), ""),
    "edge": ("edge", (".png", ".npy"), ""),
}
"""Task → its folder, its files' suffixes in the archives, and its variable where they are MATLAB's."""
_NYUD_MT = {".mat": "ASTMT", ".png": "MTI-Net"}
"""Suffix of a class map → whose archive of that name it is."""
FARTHEST = 20.0
"""Metres. The camera measured up to 10; larger numbers are centimetres or millimetres."""


@dataclass
class Nyud(Archive):
    """795 training and 654 validation images of rooms, with four labels each.

    ```
    gt_sets/train.txt val.txt   ids
    images/<id>.png             NYUDv2 (of ATRC and InvPT), or .jpg: NYUD_MT (of ASTMT, and of MTI-Net)
    segmentation/<id>.png       40 classes from 1 on, 0 unlabelled; or .mat, `segmentation`: NYUD_MT of ASTMT
    depth/<id>.npy              metres; or .mat, `depth`
    normals/<id>.png            2x/255 − 1; or .jpg, or .npy
    edge/<id>.png               x/255; or .npy, 0 to 1
    ```

    Which suffix a folder has is looked for, file by file.
    """

    title: ClassVar[str] = "NYUD-v2"
    image_suffixes: ClassVar[tuple[str, ...]] = (".png", ".jpg")
    marks: ClassVar[tuple[str, ...]] = ("gt_sets", "images")
    never_empty: ClassVar[frozenset[str]] = frozenset({"depth"})
    specs: ClassVar[Mapping[str, TaskSpec]] = MappingProxyType(
        {
            "semseg": TaskSpec("semseg", "semseg", CLASSES),
            "depth": TaskSpec("depth", "depth"),
            "normals": TaskSpec("normals", "normals"),
            "edge": TaskSpec("edge", "edge"),
        }
    )

    @property
    def layout(self) -> str:
        """Which of the archives it is, by the first image and the first class map of the lists."""
        self.require_layout()
        archive = "NYUDv2 (ATRC, InvPT)"
        if self._first_suffix("images", self.image_suffixes) == ".jpg":
            suffix = self._first_suffix("segmentation", LABELS["semseg"][1])
            archive = f"NYUD_MT ({_NYUD_MT.get(suffix, 'ASTMT or MTI-Net')})"
        return f"{self.title} in the layout of {archive}"

    def split_path(self, name: str) -> Path:
        """The list of a split."""
        return self.root / "gt_sets" / f"{name}.txt"

    def site(self, sample_id: str) -> str:
        """None: the archives do not say where an image was taken."""
        return ""

    def image_stem(self, sample_id: str) -> Path:
        """In images."""
        return self.root / "images" / sample_id

    def folders(self, own: str) -> Sequence[Path]:
        """One."""
        return [self.root / LABELS[own][0]]

    def label_files(self, sample_id: str, own: str) -> Sequence[Path]:
        """One, in whichever form it is there."""
        folder, suffixes, _ = LABELS[own]
        return [find_file(self.root / folder / sample_id, suffixes, "label")]

    def read(self, sample_id: str, own: str, size: tuple[int, int] | None) -> Label:
        """One label; see `Archive.read`."""
        (path,) = self.label_files(sample_id, own)
        raw = read_map(path, LABELS[own][2])
        match own:
            case "semseg":
                labels = class_indices(path, raw, len(CLASSES))
                return np.where(labels == IGNORE, labels, labels - np.uint8(1))  # 0 becomes 255
            case "depth":
                return metres(path, raw, FARTHEST)
            case "normals":
                return unit_vectors(path, raw)
            case _:
                return shares(path, raw)

    def _first_suffix(self, folder: str, suffixes: Sequence[str]) -> str:
        """That of the first listed file which a folder has; empty where it has none.

        Whatever else lies in the folder, such as .DS_Store, says nothing.
        """
        listed = (sample_id for split in self.splits.values() for sample_id in split.ids)
        stems = (self.root / folder / sample_id for sample_id in listed)
        return next((end for stem in stems for end in suffixes if os.path.isfile(f"{stem}{end}")), "")
