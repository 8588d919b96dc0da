"""Taskonomy in each of its layouts: a building of each split of the tiny list, two images each."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from tests.data.nyud_archive import put

SIZE = (8, 8)
BUILDINGS = {"train": "allensville", "val": "corozal", "test": "uvalda"}
POINTS = ("point_0_view_1", "point_12_view_0")
PATTERNS = ("{domain}/{building}", "{domain}/taskonomy/{building}", "{building}/{domain}")
ROW = np.arange(8)


def row(*values: int) -> np.ndarray:
    return np.broadcast_to(np.array(values), SIZE)


def colours(*channels: np.ndarray) -> np.ndarray:
    return np.stack(channels, axis=2).astype(np.uint8)


LABELS = {
    "segment_semantic": row(0, 1, 2, 17, 5, 5, 5, 5).astype(np.uint8),
    "depth_euclidean": row(512, 1024, 65535, 0, 256, 256, 256, 256).astype(np.uint16),
    "depth_zbuffer": row(*[768] * 8).astype(np.uint16),
    "normal": colours(row(*[255] * 7, 127), row(*[127] * 8), row(*[127] * 8)),
    "edge_texture": row(*ROW * 1000).astype(np.uint16),
    "edge_occlusion": row(*ROW * 100).astype(np.uint16),
    "keypoints2d": row(*ROW * 50).astype(np.uint16),
    "keypoints3d": row(*ROW * 8192).astype(np.uint16),
    "principal_curvature": colours(row(*ROW * 36), row(*[127] * 8), row(*[0] * 8)),
    "reshading": colours(*[row(*ROW * 36)] * 3),
}


def write_taskonomy(
    root: Path,
    pattern: str = PATTERNS[0],
    *,
    underscores: bool = False,
    buildings: Iterable[str] = BUILDINGS.values(),
    points: Iterable[str] = POINTS,
) -> Path:
    rng = np.random.default_rng(0)
    for building in buildings:
        for point in points:
            images = rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
            for domain, array in {"rgb": images, **LABELS}.items():
                word = "segmentsemantic" if domain == "segment_semantic" and not underscores else domain
                folder = root / pattern.format(domain=domain, building=building)
                put(folder / f"{point}_domain_{word}.png", array)
    return root
