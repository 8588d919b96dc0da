"""Taskonomy in each of its layouts: a building of each split of the tiny list, two images each."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

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
    "segment_unsup2d": row(0, 0, 85, 85, 255, 255, 170, 170).astype(np.uint8),
    "segment_unsup25d": np.repeat([[0], [255]], 4, axis=0).repeat(8, axis=1).astype(np.uint8),
}
# Logits of a network, as the authors' own files of objects were; and probabilities.
OBJECTS = np.linspace(-4, 4, 1000, dtype=np.float32)[None]
SCENES = np.r_[0.5, 0.25, np.full(363, 0.25 / 363)].astype(np.float32)
# Point 0, view 0 of the authors' sample building, with the keys that a label is made of.
CAMERA = {
    "vanishing_points_gaussian_sphere": {
        "x": [-0.18659281726096202, -0.09340330127414932, 0.9779871900274092],
        "y": [0.982428288636378, -0.022012141575635524, 0.18533786259221774],
        "z": [0.004216424268833487, 0.9953849953331347, 0.09586935293429555],
    },
    "bounding_box_ranges": {
        "x": [-0.7439483977378218, 4.546623617542219],
        "y": [-0.7416977703840901, 4.119016],
        "z": [-0.014586991097772728, 2.4452903409084445],
    },
    "camera_location": [4.119016, 3.356542, 1.473925],
    "camera_rotation_final": [1.474778652191162, -0.004216436762362719, 1.7584909200668335],
    "field_of_view_rads": 1.3089969389957472,
}
TASKS = (*LABELS, "autoencoding", "class_object", "class_scene", "room_layout", "vanishing_points")


def put_camera(path: Path, camera: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(camera))


def write_taskonomy(
    root: Path,
    pattern: str = PATTERNS[0],
    *,
    underscores: bool = False,
    poses: str = "point_info",
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
            objects, scenes, cameras = (
                root / pattern.format(domain=domain, building=building)
                for domain in ("class_object", "class_scene", poses)
            )
            put(objects / f"{point}_domain_class_object.npy", OBJECTS)
            put(scenes / f"{point}_domain_class_places.npy", SCENES)
            put_camera(cameras / f"{point}_domain_fixatedpose.json", CAMERA)
    return root
