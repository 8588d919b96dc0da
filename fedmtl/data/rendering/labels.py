"""Labels read off a view: exact, for the ray caster knows what it hit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fedmtl.data.rendering.scene import CLASSES, Scene
from fedmtl.data.rendering.view import View

OBJECTS = CLASSES[3:]
"""The classes whose presence is a label: all but wall, floor and ceiling."""
PRESENT = 1 / 300
"""Share of the image's pixels from which on a class counts as present."""


def semseg(scene: Scene, view: View) -> NDArray[np.uint8]:
    """Class index (H, W) of every pixel."""
    return scene.label[view.surface]


def edges(scene: Scene, view: View) -> NDArray[np.int16]:
    """Borders between instances (H, W), 255 on one, else 0.

    Instances are things, and the faces of the room. A border is one pixel wide: of two unlike neighbours,
    across or down, the nearer one is on it, so that the picture mirrored has the labels mirrored.
    """
    instance, depth = scene.instance[view.surface], view.depth
    edge = np.zeros(depth.shape, dtype=np.int16)
    for one, other in (
        (np.s_[:, :-1], np.s_[:, 1:]),
        (np.s_[:-1], np.s_[1:]),
    ):
        border = instance[one] != instance[other]
        nearer = depth[one] <= depth[other]
        edge[one][border & nearer] = 255
        edge[other][border & ~nearer] = 255
    return edge


def saliency(scene: Scene, view: View) -> NDArray[np.int16]:
    """Pixels (H, W) of strongly coloured ornaments, 255, else 0; dull ornaments are not salient."""
    return np.where(scene.vivid[view.surface], np.int16(255), np.int16(0))


def objects(scene: Scene, view: View) -> NDArray[np.float32]:
    """Which of `OBJECTS` are seen, 0 or 1."""
    pixels = np.bincount(semseg(scene, view).ravel(), minlength=len(CLASSES))
    return (pixels[-len(OBJECTS) :] >= PRESENT * view.depth.size).astype(np.float32)


def measures(view: View) -> NDArray[np.float32]:
    """Mean depth in metres, and mean luminance (Rec. 709) of the light before the lens."""
    luminance = view.radiance.reshape(-1, 3).mean(axis=0) @ (0.2126, 0.7152, 0.0722)
    return np.array([view.depth.mean(), luminance], dtype=np.float32)
