"""PASCAL-Context in the structure of either archive, two training images and one of validation, small."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy.io import savemat

from tests.data.nyud_archive import put

SIZE = (12, 16)
SPLITS = {"train": ["2008_000002", "2008_000003"], "val": ["2008_000007"]}
PERSONLESS = "2008_000003"
LAYOUTS = ("PASCALContext", "PASCAL_MT")
WALL, SKY, TVMONITOR = 440, 360, 427


def label_map() -> np.ndarray:
    """Wall on the left, sky on the right, a monitor below."""
    labels = np.full(SIZE, WALL, np.uint16)
    labels[:, 8:] = SKY
    labels[9:] = TVMONITOR
    return labels


def objects(*found: tuple[int, list[tuple[str, np.ndarray]]]) -> np.ndarray:
    """`anno` with objects of a class, each with parts of a name and a mask."""
    of_object = [("class", object), ("class_ind", object), ("mask", object), ("parts", object)]
    listed = np.zeros((1, len(found)), of_object)
    for column, (index, parts) in enumerate(found):
        of_part = np.zeros((1, len(parts)), [("part_name", object), ("mask", object)])
        for place, (name, mask) in enumerate(parts):
            of_part[0, place] = (name, mask.astype(np.uint8))
        whole = np.ones(SIZE, np.uint8)
        listed[0, column] = ("person", float(index), whole, of_part if parts else np.zeros((0, 0)))
    anno = np.zeros((1, 1), [("imname", object), ("objects", object)])
    anno[0, 0] = ("image", listed)
    return anno


def rows(start: int, stop: int) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[start:stop] = True
    return mask


PERSON = objects(
    (9, []),
    (15, [("head", rows(0, 3)), ("torso", rows(2, 6)), ("lhand", rows(6, 7)), ("ruarm", rows(7, 8))]),
    (15, [("lfoot", rows(10, 12)), ("ruleg", rows(8, 9))]),
)
NOBODY = objects((9, [("tail", rows(0, 3))]), (15, []))


def write_pascal(
    root: Path, layout: str = "PASCALContext", splits: Mapping[str, Sequence[str]] = SPLITS
) -> Path:
    rng = np.random.default_rng(0)
    columns = np.broadcast_to(np.arange(SIZE[1], dtype=np.uint8), SIZE)
    semseg = np.where(columns == 15, np.uint8(255), columns)
    for split, ids in splits.items():
        for place, sample_id in enumerate(ids):
            image = rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
            put(root / "JPEGImages" / f"{sample_id}.jpg", image)
            put(root / "semseg" / ("VOC12", "pascal-context")[place % 2] / f"{sample_id}.png", semseg)
            put(root / "pascal-context" / "trainval" / f"{sample_id}.mat", label_map(), "LabelMap")
            put(root / "normals_distill" / f"{sample_id}.png", np.full((*SIZE, 3), (255, 128, 128), np.uint8))
            put(root / "sal_distill" / f"{sample_id}.png", (columns * 17).astype(np.uint8))
            anno = NOBODY if sample_id == PERSONLESS else PERSON
            (root / "human_parts").mkdir(exist_ok=True)
            savemat(root / "human_parts" / f"{sample_id}.mat", {"anno": anno})
        (root / "ImageSets/Context").mkdir(parents=True, exist_ok=True)
        (root / "ImageSets/Context" / f"{split}.txt").write_text("\n".join(ids))
        (root / "ImageSets/Parts").mkdir(exist_ok=True)
        shown = {sample_id: [9] if sample_id == PERSONLESS else [9, 15, 15] for sample_id in ids}
        (root / "ImageSets/Parts" / f"{split}.txt").write_text(json.dumps(shown))
    if layout == "PASCALContext":
        (root / "json").mkdir()
        context = {"wall": WALL, "sky": SKY, "tvmonitor": TVMONITOR, "unknown": 431}
        (root / "json/context_classes.json").write_text(json.dumps(context))
        (root / "json/nyu_classes.json").write_text(
            json.dumps({"wall": 21, "unknown": 20, "television": 172})
        )
    return root
