"""Cityscapes (Cordts et al. 2016): street scenes of 2048×1024, as its packages unpack."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from fedmtl.data.archive import Archive
from fedmtl.data.encodings import class_indices, read_map
from fedmtl.data.files import FileError
from fedmtl.data.gaps import Listing
from fedmtl.data.splits import Split
from fedmtl.tasks.base import Label
from fedmtl.tasks.semseg import IGNORE
from fedmtl.tasks.spec import TaskSpec

# fmt: off
CLASSES = (
    "road", "sidewalk", "building", "wall", "fence", "pole", "traffic light", "traffic sign", "vegetation", "terrain",
    "sky", "person", "rider", "car", "truck", "bus", "train", "motorcycle", "bicycle",
)
LABEL_IDS = (7, 8, 11, 12, 13, 17, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 31, 32, 33)
"""The label ids that are evaluated, in the order of their train ids; all others, 0 to 33, are unlabelled."""
PARTS = ("background", "torso", "head", "arms", "legs", "windows", "wheels", "lights", "license plate", "chassis")
# fmt: on
PERSONS, VEHICLES = (24, 25), (26, 27, 28)
"""Label ids of what has parts."""
LABELS: Mapping[str, tuple[str, str]] = {
    "semseg": ("gtFine", "_gtFine_labelIds.png"),
    "parts": ("gtFinePanopticParts", "_gtFinePanopticParts.tif"),
    "depth": ("disparity", "_disparity.png"),
}
"""Task → its package and the end of its files' names."""
_CAMERA = ("camera", "_camera.json")
BASELINE, FOCAL_LENGTH = 0.209313, 2262.52
"""Metres and pixels, for all cameras where the package `camera` is not there."""
_WITH_PART = 100_000
"""From here on a number of Panoptic Parts says which part it is."""
FAR = 80.0
"""Metres. The depth beyond is unlabelled: there, a step of the disparity is more than a metre."""


@dataclass
class Cityscapes(Archive):
    """2,975 training and 500 validation images; the labels of the 1,525 test images are not public.

    ```
    leftImg8bit/{train,val}/<city>/<city>_<sequence>_<frame>_leftImg8bit.png
    gtFine/…_gtFine_labelIds.png                     semseg: 34 label ids, of which 19 are classes
    gtFinePanopticParts/…_gtFinePanopticParts.tif    parts, whatever instance they belong to
    disparity/…_disparity.png                        depth: 16 bits, (x − 1) / 256 pixels, 0 unlabelled
    camera/…_camera.json                             which makes metres of disparity
    ```

    A package may also lie in the folder that is called like its zip, as `gtFine_trainvaltest/gtFine`. Every image has a
    file in each package that is there. The city is an image's site.
    """

    title: ClassVar[str] = "Cityscapes"
    piecewise: ClassVar[bool] = True
    image_suffixes: ClassVar[tuple[str, ...]] = (".png",)
    marks: ClassVar[tuple[str, ...]] = ("leftImg8bit",)
    never_empty: ClassVar[frozenset[str]] = frozenset({"depth"})
    specs: ClassVar[Mapping[str, TaskSpec]] = MappingProxyType(
        {
            "semseg": TaskSpec("semseg", "semseg", CLASSES),
            "parts": TaskSpec("parts", "semseg", PARTS),
            "depth": TaskSpec("depth", "depth"),
        }
    )

    @classmethod
    def fits(cls, root: Path) -> bool:
        """Whether there are the images."""
        return _package(root, "leftImg8bit").is_dir()

    @property
    def layout(self) -> str:
        """The packages that are there."""
        self.require_layout()
        packages = ("leftImg8bit", "gtFine", "gtFinePanopticParts", "disparity", "camera")
        there = [name for name in packages if _package(self.root, name).is_dir()]
        return f"{self.title} with {', '.join(there)}"

    @cached_property
    def splits(self) -> Mapping[str, Split]:
        """The images of each split's folder, sorted; `test` has no public labels and is left out."""
        self.require_layout()
        return {
            name: Split(self._listed(name), ()) for name in ("train", "val") if self.split_path(name).is_dir()
        }

    def split_path(self, name: str) -> Path:
        """The folder of a split's images."""
        return _package(self.root, "leftImg8bit") / name

    def site(self, sample_id: str) -> str:
        """The city; ids are `<split>/<city>/<city>_<sequence>_<frame>`."""
        return sample_id.split("/")[1]

    def image_stem(self, sample_id: str) -> Path:
        """In leftImg8bit."""
        return _package(self.root, "leftImg8bit") / f"{sample_id}_leftImg8bit"

    def folders(self, own: str) -> Sequence[Path]:
        """One: the camera can be done without."""
        return [_package(self.root, LABELS[own][0])]

    def label_files(self, sample_id: str, own: str) -> Sequence[Path]:
        """One, and for depth the camera's, where there is the package."""
        # One camera that was lost is not made up for by the usual one: its image's metres would be others.
        parts = [LABELS[own], _CAMERA] if own == "depth" and self._with_cameras else [LABELS[own]]
        return [_package(self.root, package) / f"{sample_id}{end}" for package, end in parts]

    def listings(self, split: str, tasks: Sequence[str]) -> Iterator[Listing]:
        """All of a split together."""
        yield Listing(frozenset(self._listed(split)), {own: self._labelled(split, own) for own in tasks})

    def read(self, sample_id: str, own: str, size: tuple[int, int] | None) -> Label:
        """One label; see `Archive.read`."""
        path, *camera = self.label_files(sample_id, own)
        raw = read_map(path)
        match own:
            case "semseg":
                return _TRAIN_IDS[class_indices(path, raw, LABEL_IDS[-1])]
            case "parts":
                return part_classes(raw)
            case _:
                return depth_of(path, raw, camera[0] if camera else None)

    def _listed(self, split: str) -> tuple[str, ...]:
        return tuple(sorted(self._found(split, "leftImg8bit", "_leftImg8bit.png")))

    def _labelled(self, split: str, own: str) -> AbstractSet[str]:
        """Ids of the labels of a task that are there."""

        def there(package: str, end: str) -> AbstractSet[str]:
            # A link to nothing is found as well.
            return {each for each, path in self._found(split, package, end).items() if path.is_file()}

        labels = there(*LABELS[own])
        return labels & there(*_CAMERA) if own == "depth" and self._with_cameras else labels

    def _found(self, split: str, package: str, end: str) -> Mapping[str, Path]:
        """Id → the file of a package, but for those hidden ones that macOS leaves beside files (`._aachen…`)."""
        found = (_package(self.root, package) / split).glob(f"[!.]*/[!.]*{end}")
        return {f"{split}/{path.parent.name}/{path.name.removesuffix(end)}": path for path in found}

    @cached_property
    def _with_cameras(self) -> bool:
        return _package(self.root, _CAMERA[0]).is_dir()


def part_classes(raw: NDArray[Any]) -> NDArray[np.uint8]:
    """Ten classes of parts (H, W) uint8 from the numbers of Panoptic Parts (Meletis et al., arXiv:2004.07944).

    A number is a label id (up to 99), one with three digits of instance (up to 99,999), or with two digits of part
    after these. Persons and riders share their parts, and so do cars, trucks and buses; all else is background, as is
    what has the part 0, or the fifth part of a person, which some files have by mistake.
    """
    classes = np.zeros(raw.shape, np.uint8)
    with_part = raw >= _WITH_PART
    numbers = raw[with_part].astype(np.int64)
    label_ids, parts = numbers // _WITH_PART, numbers % 100
    persons = np.isin(label_ids, PERSONS) & (parts >= 1) & (parts <= 4)
    vehicles = np.isin(label_ids, VEHICLES) & (parts >= 1) & (parts <= 5)
    classes[with_part] = np.where(persons, parts, np.where(vehicles, 4 + parts, 0))
    return classes


def depth_of(path: Path, raw: NDArray[Any], camera: Path | None) -> NDArray[np.float32]:
    """Metres (H, W) float32 from disparity: baseline · focal length / ((x − 1) / 256), 0 where x < 2 or it is too far.

    Raises:
        FileError: the file is no disparity map, or the camera's has no such numbers.
    """
    if raw.ndim != 2 or raw.dtype != np.uint16:
        raise FileError(path, f"is {raw.dtype} {raw.shape}, not a disparity of 16 bits a pixel")
    baseline, focal_length = _read_camera(camera) if camera else (BASELINE, FOCAL_LENGTH)
    # Of every number that a pixel can have: there are fewer than pixels.
    disparity = (np.arange(2**16) - 1) / 256
    depth = np.divide(baseline * focal_length, disparity, out=np.zeros(2**16), where=disparity > 0)
    table: NDArray[np.float32] = np.where(depth <= FAR, depth, 0).astype(np.float32)
    return table.take(raw)


def _read_camera(path: Path) -> tuple[float, float]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        return float(read["extrinsic"]["baseline"]), float(read["intrinsic"]["fx"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileError(path, f"has no baseline and focal length of a camera: {error!r}") from error


def _package(root: Path, name: str) -> Path:
    """The folder of a package, at `root` or in the one that is called like its zip."""
    for zipped in ("trainvaltest", "trainval"):
        if (inner := root / f"{name}_{zipped}" / name).is_dir():
            return inner
    return root / name


def _train_ids() -> NDArray[np.uint8]:
    table = np.full(256, IGNORE, np.uint8)
    table[list(LABEL_IDS)] = np.arange(len(LABEL_IDS))
    return table


_TRAIN_IDS = _train_ids()
