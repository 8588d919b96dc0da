"""What the files of published data sets have in them, computed from a rendered room with all its labels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedmtl.data.base import Sample

_PARTS = ("head", "torso", "luarm", "ruarm", "llarm", "rlarm", "luleg", "ruleg", "llleg", "rlleg")
"""Of a person in PASCAL-Part; its files have more, down to eyebrows, of the largest persons."""
_STREET_SCALE = 10
"""A street is so much deeper than a room."""
_PIXEL_METRES = 0.209313 * 2262.52
"""Baseline times focal length of Cityscapes' cameras."""


def contents(sample: Sample, names: Set[str]) -> Mapping[str, Any]:
    """Those of `CONTENTS` that are named, as arrays to be saved."""
    return {name: CONTENTS[name](sample) for name in sorted(names)}


def _bytes(numbers: NDArray[Any]) -> NDArray[np.uint8]:
    return numbers.clip(0, 255).astype(np.uint8)


def _words(numbers: NDArray[Any]) -> NDArray[np.uint16]:
    return numbers.clip(0, 2**16 - 1).astype(np.uint16)


def _grey(sample: Sample) -> NDArray[np.float32]:
    grey: NDArray[np.float32] = sample.image.mean(axis=2, dtype=np.float32)
    return grey


def _strength(sample: Sample) -> NDArray[np.uint16]:
    """How much the image changes from pixel to pixel, as the 16 bits of Taskonomy's edges and keypoints."""
    down, right = np.gradient(_grey(sample))
    return _words(64 * np.hypot(down, right))


def _panoptic_parts(sample: Sample) -> NDArray[np.int32]:
    """Label ids, and of what is salient instances and parts, as its numbers say: see `part_classes`."""
    classes = 7 + sample.labels["semseg"].astype(np.int32)
    return np.where(sample.labels["saliency"] > 0, 2_400_100 + classes % 4, classes)


def _anno(sample: Sample) -> NDArray[Any]:
    """Two persons with parts, each with masks of the image's size, and two things without."""
    height, width = sample.image.shape[:2]
    masks = np.zeros((2, len(_PARTS), height, width), np.uint8)
    for place in range(2):
        left = (1 + 2 * place) * width // 5
        for part, mask in enumerate(masks[place]):
            top = (1 + part) * height // (2 + len(_PARTS))
            mask[top : top + height // 12, left : left + width // 6] = 1
    persons = [(15, list(zip(_PARTS, each, strict=True))) for each in masks]
    objects = np.zeros((1, 4), [(name, object) for name in ("class", "class_ind", "mask", "parts")])
    for place, (index, parts) in enumerate([*persons, (9, []), (20, [])]):
        of_part = np.zeros((1, len(parts)), [("part_name", object), ("mask", object)])
        for column, named in enumerate(parts):
            of_part[0, column] = named
        whole = masks[place % 2].max(axis=0)
        objects[0, place] = ("thing", float(index), whole, of_part if parts else np.zeros((0, 0)))
    anno = np.zeros((1, 1), [("imname", object), ("objects", object)])
    anno[0, 0] = (sample.id, objects)
    return anno


def _probabilities(sample: Sample, classes: int) -> NDArray[np.float32]:
    """As a network would give them: some classes by the image's colours, and a little for all others."""
    colours = np.resize(sample.image.mean(axis=(0, 1)), classes) * np.sin(np.arange(classes))
    likely = np.exp(colours / 32)
    shares: NDArray[np.float32] = (likely / likely.sum()).astype(np.float32)
    return shares


_CAMERA = {
    "vanishing_points_gaussian_sphere": {"x": [0.0, 0.0, 1.0], "y": [1.0, 0.0, 0.0], "z": [0.0, 1.0, 0.0]},
    "bounding_box_ranges": {"x": [0.0, 5.0], "y": [-2.0, 2.0], "z": [0.0, 2.5]},
    "camera_location": [0.0, 1.0, 1.5],
    "camera_rotation_final": [np.pi / 2, 0.0, 0.0],
    "field_of_view_rads": 1.2,
    "nonfixated_points_in_view": list(range(150)),
}
"""What Taskonomy says of one, in about as many bytes."""

CONTENTS: Mapping[str, Callable[[Sample], Any]] = {
    "image": lambda sample: sample.image,
    "indices": lambda sample: sample.labels["semseg"],
    "classes": lambda sample: sample.labels["semseg"] + np.uint8(1),
    "segmentation": lambda sample: sample.labels["semseg"] + np.uint8(1),
    # 459 labels, of which some have normals: 440 is the wall.
    "LabelMap": lambda sample: np.uint16(440) - np.uint16(11) * sample.labels["semseg"],
    "anno": _anno,
    "metres": lambda sample: sample.labels["depth"],
    "depth": lambda sample: sample.labels["depth"],
    "millimetres": lambda sample: _words(1000 * sample.labels["depth"]),
    "depth_512": lambda sample: _words(512 * sample.labels["depth"]),
    "disparity": lambda sample: _words(
        1 + 256 * _PIXEL_METRES / (_STREET_SCALE * sample.labels["depth"]).clip(0.1)
    ),
    "vectors": lambda sample: sample.labels["normals"],
    "normals": lambda sample: _bytes(np.rint((sample.labels["normals"] + 1) * 127.5)),
    "edge": lambda sample: _bytes(sample.labels["edge"]),
    "edge_share": lambda sample: sample.labels["edge"].clip(0, 255).astype(np.float32) / 255,
    "saliency": lambda sample: _bytes(sample.labels["saliency"]),
    "strength": _strength,
    "shading": lambda sample: np.repeat(_bytes(_grey(sample))[:, :, None], 3, axis=2),
    "panoptic_parts": _panoptic_parts,
    "regions": lambda sample: _bytes(20 * sample.labels["semseg"].astype(np.int32)),
    "objects": lambda sample: _probabilities(sample, 1000),
    "scenes": lambda sample: _probabilities(sample, 365),
    "camera": lambda sample: _CAMERA,
}
"""Variable or quantity → what an archive has for it."""
