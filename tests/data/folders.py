"""A small, sound data-set folder with every form of label, for tests to read and to damage."""

from pathlib import Path

import numpy as np
import yaml
from PIL import Image

SIZE = (12, 16)
MANIFEST = {
    "name": "example",
    "tasks": {
        "semseg": {"classes": ["floor", "wall", "chair"]},
        "range": {"kind": "depth", "partial": True},
        "room_type": {"kind": "classification", "classes": ["kitchen", "office"]},
        "objects": {"kind": "multilabel", "classes": ["lamp", "table"]},
        "light": {"kind": "regression"},
    },
}
TABLE = """id,room_type,lamp,table,light
a/0,kitchen,1,0,0.5
a/1,1,0,1,
b/0,office,,1,2
b/1,office,1,1,-1e-3
"""
SPLITS = {"train": ["a/0", "a/1", "b/0"], "val": ["b/1"]}
DEPTHLESS = "a/1"


def save(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path)


def write_example(root: Path) -> Path:
    rng = np.random.default_rng(0)
    for sample_id in [sample_id for ids in SPLITS.values() for sample_id in ids]:
        save(root / "images" / f"{sample_id}.png", rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8))
        labels = rng.choice(np.array([0, 1, 2, 255], dtype=np.uint8), SIZE)
        save(root / "semseg" / f"{sample_id}.png", labels)
        if sample_id != DEPTHLESS:
            save(root / "range" / f"{sample_id}.png", rng.integers(0, 5000, SIZE).astype(np.uint16))
    for split, ids in SPLITS.items():
        (root / f"{split}.txt").write_text("\n".join(ids))
    (root / "dataset.yaml").write_text(yaml.safe_dump(MANIFEST))
    (root / "labels.csv").write_text(TABLE)
    return root
