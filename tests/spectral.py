"""A small hyperspectral data-set folder: .npy images of five channels, and labels in a table alone."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import yaml

SPLITS = {"train": [f"plot/{i}" for i in range(4)], "val": ["plot/4", "plot/5"]}
CROPS = ("maize", "wheat")


def write_spectral(root: Path, channels: int = 5, bright: Mapping[str, float] | None = None) -> Path:
    """`crop` is a classification that the first channel tells, `yield` a regression.

    Args:
        bright: sample id → what its image is multiplied by.
    """
    rng = np.random.default_rng(0)
    tasks = {"crop": {"kind": "classification", "classes": list(CROPS)}, "yield": {"kind": "regression"}}
    rows = ["id,crop,yield"]
    for index, sample_id in enumerate([sample_id for ids in SPLITS.values() for sample_id in ids]):
        image = rng.normal(size=(32, 48, channels)).astype(np.float32)
        image[:, :, 0] += 3 * (index % 2)
        image *= (bright or {}).get(sample_id, 1)
        path = root / "images" / f"{sample_id}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, image)
        rows.append(f"{sample_id},{CROPS[index % 2]},{index / 2}")
    for split, ids in SPLITS.items():
        (root / f"{split}.txt").write_text("\n".join(ids))
    (root / "dataset.yaml").write_text(yaml.safe_dump({"name": "field", "tasks": tasks}))
    (root / "labels.csv").write_text("\n".join(rows) + "\n")
    return root
