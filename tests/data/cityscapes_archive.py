"""Cityscapes in the structure of its packages: two cities of training, one of validation, one of test."""

import json
from pathlib import Path

import numpy as np

from tests.data.nyud_archive import put

SIZE = (12, 34)
IDS = (
    "train/aachen/aachen_000000_000019",
    "train/bochum/bochum_000000_000313",
    "val/munster/munster_000000_000019",
)
LABEL_IDS = np.broadcast_to(np.arange(34, dtype=np.uint8), SIZE)
DISPARITY = np.broadcast_to(np.arange(34, dtype=np.uint16) * 1024 + 1, SIZE)
CAMERA = {"extrinsic": {"baseline": 0.25}, "intrinsic": {"fx": 2000.0}}
PARTS = (
    0,
    7,
    23,
    24,
    24_001,
    2400_100,
    2400_102,
    2500_704,
    2400_105,
    2600_100,
    2600_101,
    27_012_05,
    28_999_03,
    2400_003,
)


def write_cityscapes(root: Path, *, zipped: bool = False) -> Path:
    def package(name: str, zip_name: str) -> Path:
        return root / f"{name}_{zip_name}" / name if zipped else root / name

    rng = np.random.default_rng(0)
    parts = np.zeros(SIZE, np.int32)
    parts[:, : len(PARTS)] = PARTS
    for sample_id in (*IDS, "test/berlin/berlin_000000_000019"):
        image = rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
        put(package("leftImg8bit", "trainvaltest") / f"{sample_id}_leftImg8bit.png", image)
        put(package("gtFine", "trainvaltest") / f"{sample_id}_gtFine_labelIds.png", LABEL_IDS)
        if not sample_id.startswith("test"):
            put(package("gtFinePanopticParts", "trainval") / f"{sample_id}_gtFinePanopticParts.tif", parts)
        put(package("disparity", "trainvaltest") / f"{sample_id}_disparity.png", DISPARITY)
        camera = package("camera", "trainvaltest") / f"{sample_id}_camera.json"
        camera.parent.mkdir(parents=True, exist_ok=True)
        camera.write_text(json.dumps(CAMERA))
    return root
