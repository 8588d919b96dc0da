"""What Taskonomy's files of a camera say of the room: vanishing points and layout."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedmtl.data.files import FileError
from fedmtl.tasks.euler import angles_of, rotation

FORWARD = np.array([0.0, 0, -1])
"""Where a camera looks: its x is to the right, its y up."""
QUARTER = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
"""A turn by 90 degrees about the vertical, the third axis of a room."""
# In the files a room's box is turned by 90 degrees against its camera, and its second axis runs the other way.
BOX_OF_CAMERA = np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])


def vanishing_points(path: Path) -> NDArray[np.float64]:
    """The directions in which a building's axes vanish, (9,) as `VanishingPoints` has them; NaN where a file has none.

    Files have them as `vanishing_points_gaussian_sphere`: backwards, to the right, upwards in all that we saw. They are
    brought into this order where they are not.

    Raises:
        FileError: the file is no such JSON, or they are not three perpendicular directions.
    """
    camera = _read(path)
    if "vanishing_points_gaussian_sphere" not in camera:
        return np.full(9, np.nan)
    axes = _numbers(path, camera, "vanishing_points_gaussian_sphere", (3, 3))
    if not np.abs(axes @ axes.T - np.eye(3)).max() < 1e-3:
        raise FileError(path, "has vanishing points that are not three perpendicular directions")
    upward = axes[2] if axes[2, 1] > 0 else -axes[2]
    level = np.concatenate([axes[:2], -axes[:2]])
    backward = level[level[:, 2].argmax()]
    return np.concatenate([backward, np.cross(upward, backward), upward])


def room_layout(path: Path) -> NDArray[np.float64]:
    """The box of a room and its camera, (9,) as `RoomLayout` has them; NaN where a file has no box.

    Raises:
        FileError: the file is no such JSON, or its box has no inside.
    """
    camera = _read(path)
    if "bounding_box_ranges" not in camera:
        return np.full(9, np.nan)
    x, y, z = _numbers(path, camera, "bounding_box_ranges", (3, 2))
    turn = _numbers(path, camera, "camera_rotation_final", (3,))
    place = _numbers(path, camera, "camera_location", (3,))
    ends = np.stack([x, -y[::-1], z])
    if not (ends[:, 0] < ends[:, 1]).all():
        raise FileError(path, "has a bounding box whose ends are not in order")
    matrix, place = BOX_OF_CAMERA @ rotation(turn), BOX_OF_CAMERA @ place
    for _ in range(_quarters(matrix @ FORWARD)):
        matrix, place, ends = QUARTER @ matrix, QUARTER @ place, np.sort(QUARTER @ ends, axis=1)
    middle = matrix.T @ (ends.mean(axis=1) - place)
    return np.concatenate([middle, angles_of(matrix), ends[:, 1] - ends[:, 0]])


def _quarters(direction: NDArray[np.float64]) -> int:
    """How many turns of 90 degrees bring a direction to within 45 degrees of the first axis."""
    return round(-math.atan2(direction[1], direction[0]) / (math.pi / 2)) % 4


def _read(path: Path) -> dict[str, Any]:
    try:
        camera = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise FileError(path, f"cannot be read as JSON: {error}") from error
    if not isinstance(camera, dict):
        raise FileError(path, "is not what Taskonomy says of a camera")
    return camera


def _numbers(path: Path, camera: dict[str, Any], name: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """What the file has under a name, in rows where it is a mapping of the axes."""
    found = camera.get(name)
    if isinstance(found, dict):
        found = [found.get(axis) for axis in "xyz"]
    try:
        numbers = np.array(found, np.float64)
    except (TypeError, ValueError):
        numbers = np.empty(0)
    if numbers.shape != shape or not np.isfinite(numbers).all():
        raise FileError(path, f"has not {' × '.join(map(str, shape))} numbers as '{name}'")
    return numbers
