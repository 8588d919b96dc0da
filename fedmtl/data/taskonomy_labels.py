"""What is in Taskonomy's label files (Zamir et al. 2018): from their numbers to the encodings of the kinds of task."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedmtl.data import taskonomy_camera as camera
from fedmtl.data.encodings import class_indices, distribution, read_map, unit_vectors
from fedmtl.data.files import FileError, read_image
from fedmtl.data.imagenet_classes import IMAGENET
from fedmtl.data.places_classes import PLACES
from fedmtl.tasks import room_layout, vanishing_points
from fedmtl.tasks.base import Label
from fedmtl.tasks.semseg import IGNORE
from fedmtl.tasks.spec import TaskSpec

# fmt: off
CLASSES = (
    "background", "bottle", "chair", "couch", "potted plant", "bed", "dining table", "toilet", "tv", "microwave",
    "oven", "toaster", "sink", "refrigerator", "book", "clock", "vase",
)
# fmt: on
UNITS_PER_METRE = 512
NO_DEPTH = 65535
RANGES = {"edge_texture": 0.08, "edge_occlusion": 0.00625, "keypoints2d": 0.005, "keypoints3d": 1.0}
"""Of 2¹⁶, the largest number that is told from larger ones: what the authors bring to the ends of their range."""

SPECS: Mapping[str, TaskSpec] = MappingProxyType(
    {
        spec.name: spec
        for spec in (
            TaskSpec("segment_semantic", "semseg", CLASSES),
            TaskSpec("depth_euclidean", "depth"),
            TaskSpec("depth_zbuffer", "depth"),
            TaskSpec("normal", "normals"),
            TaskSpec("principal_curvature", "dense_regression", ("first", "second")),
            TaskSpec("reshading", "dense_regression"),
            *(TaskSpec(name, "dense_regression") for name in RANGES),
            TaskSpec("autoencoding", "autoencoding"),
            TaskSpec("segment_unsup2d", "regions"),
            TaskSpec("segment_unsup25d", "regions"),
            TaskSpec("class_object", "soft_classification", IMAGENET),
            TaskSpec("class_scene", "soft_classification", PLACES),
            TaskSpec("room_layout", "room_layout", room_layout.VALUES),
            TaskSpec("vanishing_points", "vanishing_points", vanishing_points.VALUES),
        )
    }
)


def read_label(path: Path, own: str) -> Label:
    """The label of the task `own`, in its kind's canonical encoding.

    Raises:
        FileError: the file is damaged, or holds something else.
    """
    match own:
        case "autoencoding":
            return _of(path, read_image(path), np.uint8, 3) / np.float32(255)
        case "class_object" | "class_scene":
            return distribution(path, len(SPECS[own].classes))
        case "room_layout":
            return camera.room_layout(path).astype(np.float32)
        case "vanishing_points":
            return camera.vanishing_points(path).astype(np.float32)
    raw = read_map(path)
    match own:
        case "segment_semantic":
            labels = class_indices(path, raw, len(CLASSES))
            return np.where(labels == IGNORE, labels, labels - np.uint8(1))  # 0 becomes 255
        case "segment_unsup2d" | "segment_unsup25d":
            # Grey values that number the regions, spread from 0 to 255; every pixel is in one.
            return _of(path, raw, np.uint8, 1)[:, :, 0].astype(np.int32)
        case "depth_euclidean" | "depth_zbuffer":
            deep = _of(path, raw, np.uint16, 1)[:, :, 0]
            return np.where(deep == NO_DEPTH, np.float32(0), deep / np.float32(UNITS_PER_METRE))
        case "normal":
            return unit_vectors(path, raw[:, :, :3] if raw.ndim == 3 else raw)
        case "principal_curvature":
            return _of(path, raw, np.uint8, 2) / np.float32(255)
        case "reshading":
            return _of(path, raw, np.uint8, 1) / np.float32(255)
        case _:
            strength = _of(path, raw, np.uint16, 1) / np.float32(RANGES[own] * 2**16)
            return np.minimum(strength, np.float32(1))


def _of(path: Path, raw: NDArray[Any], dtype: type[np.uint8 | np.uint16], channels: int) -> Label:
    """The first channels (H, W, channels) of a picture, which may have more.

    Raises:
        FileError: it has fewer, or another number of bits.
    """
    shaped = raw[:, :, None] if raw.ndim == 2 else raw
    if raw.dtype != dtype or shaped.shape[2] < channels:
        bits = 8 * np.dtype(dtype).itemsize
        raise FileError(
            path, f"is {raw.dtype} {raw.shape}, not {channels} channel{'s' * (channels > 1)} of {bits} bits"
        )
    return shaped[:, :, :channels]
