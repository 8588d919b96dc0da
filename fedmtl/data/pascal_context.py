"""PASCAL-Context (Mottaghi et al. 2014), as the field's multi-task archives have it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fedmtl.data.archive import Archive
from fedmtl.data.encodings import class_indices, read_map, shares, unit_vectors
from fedmtl.data.files import FileError, MissingFileError
from fedmtl.data.label_borders import borders
from fedmtl.data.pascal_parts import CLASSES as PARTS
from fedmtl.data.pascal_parts import PERSON, read_parts
from fedmtl.tasks.base import Label
from fedmtl.tasks.spec import TaskSpec

# fmt: off
CLASSES = (
    "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow",
    "diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
)
WITH_NORMALS = (
    3, 4, 6, 9, 10, 11, 13, 15, 17, 18, 22, 23, 29, 30, 33, 34, 36, 37, 38, 39, 41, 43, 46, 49, 50, 51, 53, 55, 56,
    59, 61, 62, 65, 66, 68, 69, 72, 73, 78, 83, 84, 85, 87, 88, 95, 96, 101, 104, 105, 107, 111, 113, 115, 122, 124,
    135, 141, 142, 143, 146, 150, 154, 157, 158, 159, 165, 172, 174, 181, 183, 184, 191, 193, 195, 197, 199, 202,
    213, 215, 216, 219, 220, 223, 225, 228, 230, 232, 233, 238, 239, 242, 243, 246, 250, 251, 252, 255, 260, 261,
    263, 269, 272, 273, 275, 281, 283, 284, 285, 286, 287, 288, 290, 291, 292, 293, 295, 304, 307, 309, 310, 314,
    315, 319, 323, 329, 330, 331, 336, 342, 345, 349, 350, 351, 352, 355, 357, 368, 370, 371, 374, 379, 380, 383,
    384, 397, 401, 403, 405, 407, 408, 411, 412, 413, 414, 417, 419, 421, 423, 427, 429, 430, 432, 440, 441, 442,
    443, 444, 446, 454, 457,
)
"""Of the 459 labels of PASCAL-Context those that NYU has by the same name, and tvmonitor: normals were distilled from a
network that was trained on NYU. It is what the archive's json folder says, and for archives without one."""
# fmt: on


@dataclass
class PascalContext(Archive):
    """4,998 training and 5,105 validation images, with five labels each.

    ```
    ImageSets/Context/train.txt val.txt     ids; ImageSets/Parts has which images show a person
    JPEGImages/<id>.jpg
    semseg/VOC12/<id>.png                   21 classes, 255 unlabelled; or semseg/pascal-context/<id>.png
    human_parts/<id>.mat                    `anno`, see `fedmtl.data.pascal_parts`
    pascal-context/trainval/<id>.mat        `LabelMap`: edges are the thinned borders of its labels
    normals_distill/<id>.png                2x/255 − 1, on labels that NYU has as well
    sal_distill/<id>.png                    salient where x/255 > 0.5
    json/nyu_classes.json context_classes.json      in PASCALContext (of ATRC and InvPT); not in PASCAL_MT (of ASTMT)
    ```
    """

    title: ClassVar[str] = "PASCAL-Context"
    image_suffixes: ClassVar[tuple[str, ...]] = (".jpg",)
    marks: ClassVar[tuple[str, ...]] = ("JPEGImages", "ImageSets/Context")
    specs: ClassVar[Mapping[str, TaskSpec]] = MappingProxyType(
        {
            "semseg": TaskSpec("semseg", "semseg", CLASSES),
            "human_parts": TaskSpec("human_parts", "human_parts", PARTS),
            "normals": TaskSpec("normals", "normals"),
            "saliency": TaskSpec("saliency", "saliency"),
            "edge": TaskSpec("edge", "edge"),
        }
    )

    @property
    def layout(self) -> str:
        """Which of the archives it is."""
        self.require_layout()
        archive = "PASCALContext (ATRC, InvPT)" if (self.root / "json").is_dir() else "PASCAL_MT (ASTMT)"
        return f"{self.title} in the layout of {archive}"

    def split_path(self, name: str) -> Path:
        """The list of a split."""
        return self.root / "ImageSets" / "Context" / f"{name}.txt"

    def site(self, sample_id: str) -> str:
        """None: the images are from many photographers."""
        return ""

    def image_stem(self, sample_id: str) -> Path:
        """In JPEGImages."""
        return self.root / "JPEGImages" / sample_id

    def folders(self, own: str) -> Sequence[Path]:
        """Two for normals, which are masked by labels."""
        labels = self.root / "pascal-context" / "trainval"
        return {
            "semseg": [self.root / "semseg"],
            "human_parts": [self.root / "human_parts"],
            "normals": [self.root / "normals_distill", labels],
            "saliency": [self.root / "sal_distill"],
            "edge": [labels],
        }[own]

    def label_files(self, sample_id: str, own: str) -> Sequence[Path]:
        """One file of each folder, and what says which labels have normals; VOC12 goes before pascal-context."""
        if own == "semseg":
            paths = [self.root / "semseg" / of / f"{sample_id}.png" for of in ("VOC12", "pascal-context")]
            if not any(path.is_file() for path in paths):
                raise MissingFileError(paths[0], "there is no such label, and none in semseg/pascal-context")
            return [next(path for path in paths if path.is_file())]
        suffix = ".mat" if own in ("human_parts", "edge") else ".png"
        first, *masks = self.folders(own)
        says_which = sorted((self.root / "json").glob("[!.]*_classes.json")) if own == "normals" else []
        return [first / f"{sample_id}{suffix}", *(mask / f"{sample_id}.mat" for mask in masks), *says_which]

    def has_label(self, sample_id: str, task: str) -> bool:
        """Whether there are the label's files and, for parts, a person, as far as ImageSets/Parts says."""
        shown = self._own.get(task) != "human_parts" or self._persons.get(sample_id, True)
        return shown and super().has_label(sample_id, task)

    def read(self, sample_id: str, own: str, size: tuple[int, int] | None) -> Label:
        """One label; see `Archive.read`."""
        path, *masks = self.label_files(sample_id, own)
        match own:
            case "semseg":
                return class_indices(path, read_map(path), len(CLASSES) - 1)
            case "human_parts":
                return read_parts(path, size)
            case "saliency":
                return np.where(shares(path, read_map(path)) > 127, np.int16(255), np.int16(0))
            case "edge":
                return np.where(borders(read_map(path, "LabelMap")), np.int16(255), np.int16(0))
            case _:
                return self._normals(path, masks[0])

    def _normals(self, path: Path, labels_path: Path) -> NDArray[np.float32]:
        vectors = unit_vectors(path, read_map(path))
        labels = read_map(labels_path, "LabelMap")
        if labels.shape != vectors.shape[:2]:
            raise FileError(
                path, f"has the shape {vectors.shape[:2]}, its label map {labels.shape}: {labels_path}"
            )
        return np.where(np.isin(labels, self._with_normals)[:, :, None], vectors, np.float32(0))

    @cached_property
    def _with_normals(self) -> Sequence[int]:
        folder = self.root / "json"
        if not folder.is_dir():
            return WITH_NORMALS
        context, nyu = (_read_json(folder / f"{name}_classes.json") for name in ("context", "nyu"))
        names = ((nyu.keys() & context.keys()) - {"unknown"}) | {"tvmonitor"}
        return [int(context[name]) for name in sorted(names) if name in context]

    @cached_property
    def _persons(self) -> Mapping[str, bool]:
        """Image → whether a person is in it, of those that ImageSets/Parts lists with the classes of their objects.

        ASTMT's code writes these lists; where others stand in their place, nothing is known.
        """
        found: dict[str, bool] = {}
        for split in ("train", "val"):
            with suppress(FileError, TypeError):
                listed = _read_json(self.root / "ImageSets" / "Parts" / f"{split}.txt")
                found |= {sample_id: PERSON in objects for sample_id, objects in listed.items()}
        return found


def _read_json(path: Path) -> dict[str, Any]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FileError(path, f"cannot be read as JSON: {error}") from error
    if not isinstance(read, dict):
        raise FileError(path, "is not a JSON object")
    return read
