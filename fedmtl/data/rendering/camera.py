"""The camera: where it stands, where it looks, and which ray each pixel is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Camera:
    """A pinhole camera with radial distortion.

    Args:
        position: (3,) metres, world.
        rotation: (3, 3) its axes in world coordinates, one a row: right, down, forward.
        focal: focal length in image widths.
        distortion: k of x ↦ x (1 + k r²) from the image plane to the ray, r in focal lengths.
    """

    position: Floats
    rotation: Floats
    focal: float
    distortion: float = 0.0

    @classmethod
    def looking_at(
        cls, position: Floats, target: Floats, focal: float, distortion: float = 0.0, roll: float = 0.0
    ) -> Camera:
        """A camera at `position` with `target` in its centre, turned by `roll` radians about its axis."""
        x, y, z = ((target - position) / np.linalg.norm(target - position)).tolist()
        level = math.hypot(x, y)
        forward = np.array([x, y, z])
        right = np.array([y / level, -x / level, 0.0])
        down = np.array([z * x / level, z * y / level, -level])
        cos, sin = math.cos(roll), math.sin(roll)
        rotation = np.stack([cos * right + sin * down, cos * down - sin * right, forward])
        return cls(position, rotation, focal, distortion)

    def rays(self, rows: Floats, columns: Floats, size: tuple[int, int]) -> Floats:
        """World directions through points of the image, of unit length along the optical axis.

        So the distance along a ray, in lengths of its direction, is the depth z.

        Args:
            rows: (N,) in pixels from the upper border; the centre of the first row is at 0.5.
            columns: (N,) in pixels from the left border.
            size: height and width of the image.

        Returns:
            (N, 3).
        """
        height, width = size
        x = (columns - width / 2) / (self.focal * width)
        y = (rows - height / 2) / (self.focal * width)
        spread = 1.0 + self.distortion * (x * x + y * y)
        directions: Floats = np.stack([x * spread, y * spread, np.ones_like(x)], axis=1) @ self.rotation
        return directions
