"""Turns in space: Euler angles about fixed axes, and what mirroring and turning an image does to its camera."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MIRROR = np.diag([-1.0, 1.0, 1.0])
"""What a mirrored image does to directions of a camera: x to the right, y up, z backwards."""


def rotation(angles: NDArray[Any]) -> NDArray[np.float64]:
    """The matrix (3, 3) that turns about x, then about y, then about z, all fixed; `angles` (3,) in radians."""
    (a, b, c), (s, t, u) = np.cos(angles.astype(np.float64)), np.sin(angles.astype(np.float64))
    about_x = np.array([[1, 0, 0], [0, a, -s], [0, s, a]])
    about_y = np.array([[b, 0, t], [0, 1, 0], [-t, 0, b]])
    about_z = np.array([[c, -u, 0], [u, c, 0], [0, 0, 1]])
    whole: NDArray[np.float64] = about_z @ about_y @ about_x
    return whole


def angles_of(matrix: NDArray[Any]) -> NDArray[np.float64]:
    """The angles (3,) of `rotation`, in radians, the second from −π/2 to π/2."""
    return np.array(
        [
            np.arctan2(matrix[2, 1], matrix[2, 2]),
            -np.arcsin(np.clip(matrix[2, 0], -1, 1)),
            np.arctan2(matrix[1, 0], matrix[0, 0]),
        ]
    )


def roll(degrees: float) -> NDArray[np.float64]:
    """What turning an image counterclockwise does to directions of its camera, (3, 3)."""
    return rotation(np.array([0, 0, np.radians(degrees)]))
