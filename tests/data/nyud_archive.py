"""NYUD-v2 in the structure of either archive, two training images and one of validation, small."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.io import savemat

SIZE = (12, 16)
SPLITS = {"train": ["0001", "0002"], "val": ["0003"]}


def put(path: Path, array: np.ndarray, variable: str = "") -> None:
    """Write an array as the suffix says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".mat":
        savemat(path, {variable: array})
    else:
        Image.fromarray(array).save(path)


LAYOUTS = {
    "NYUDv2": (".png", ".png", ".npy", ".png", ".png"),
    "NYUD_MT": (".jpg", ".png", ".npy", ".npy", ".npy"),
    "NYUD_MT of ASTMT": (".jpg", ".mat", ".mat", ".jpg", ".png"),
}
"""The suffixes of images, segmentation, depth, normals and edge."""


def write_nyud(root: Path, layout: str = "NYUDv2", splits: Mapping[str, Sequence[str]] = SPLITS) -> Path:
    """The same labels in all layouts, as far as JPEG allows: class i in column i, and unlabelled in the last."""
    images, segmentation, depth, normals, edge = LAYOUTS[layout]
    rng = np.random.default_rng(0)
    columns = np.broadcast_to(np.arange(1, SIZE[1] + 1) % SIZE[1], SIZE)
    lines = columns == 4
    towards = np.broadcast_to(np.array([-0.6, 0.0, 0.8], np.float32), (*SIZE, 3))
    in_bytes = np.rint((towards + 1) * 127.5).astype(np.uint8)
    for sample_id in (each for ids in splits.values() for each in ids):
        put(root / "images" / f"{sample_id}{images}", rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8))
        put(root / "segmentation" / f"{sample_id}{segmentation}", columns.astype(np.uint8), "segmentation")
        put(root / "depth" / f"{sample_id}{depth}", (columns / 4).astype(np.float32), "depth")
        put(root / "normals" / f"{sample_id}{normals}", towards if normals == ".npy" else in_bytes)
        border = lines.astype(np.float32) if edge == ".npy" else lines.astype(np.uint8) * 255
        put(root / "edge" / f"{sample_id}{edge}", border)
    for split, ids in splits.items():
        path = root / "gt_sets" / f"{split}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(ids) + "\n")
    return root
