"""Looking into a scene: geometry at every pixel's centre, and light over every pixel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from fedmtl.data.rendering.camera import Camera
from fedmtl.data.rendering.raycast import Hits, cast
from fedmtl.data.rendering.scene import Scene
from fedmtl.data.rendering.shading import shade

D = TypeVar("D", bound=np.generic)

SUBPIXELS = ((-0.33, 0.17), (0.33, -0.17))
"""Where pixels on borders are sampled besides their centres, in pixels from there."""
HALF = np.float64(0.5)
"""From a pixel's corner to its centre."""
TILE = 4
"""Pixels are traced in tiles of so many rows and twice as many columns: neighbours meet the same things."""


@dataclass(frozen=True)
class View:
    """What a camera sees.

    Attributes:
        depth: (H, W) float32, z along the optical axis, metres.
        normals: (H, W, 3) float32, unit; camera frame: x right, y down, z forward.
        surface: (H, W) int64, index of the scene's surface.
        radiance: (H, W, 3) float32, linear light.
    """

    depth: NDArray[np.float32]
    normals: NDArray[np.float32]
    surface: NDArray[np.int64]
    radiance: NDArray[np.float32]


def look(scene: Scene, camera: Camera, size: tuple[int, int]) -> View:
    """Render a view of (height, width) pixels.

    Geometry is exact at pixel centres. Light is the mean of three samples where things meet, else one.
    """
    order = _tiled(size)
    i, j = np.divmod(order, size[1])
    hits, light = _trace(scene, camera, i + HALF, j + HALF, size)
    surface = _untiled(hits.surface, order, size)
    border = np.flatnonzero(_borders(scene.instance[surface]).ravel()[order])
    di, dj = np.array(SUBPIXELS).T + HALF
    more = _trace(scene, camera, (i[border, None] + di).ravel(), (j[border, None] + dj).ravel(), size)[1]
    light[border] += more.reshape(-1, len(SUBPIXELS), 3).sum(axis=1)
    light[border] /= 1 + len(SUBPIXELS)
    return View(
        depth=_untiled(hits.distance.astype(np.float32), order, size),
        normals=_untiled((hits.normal @ camera.rotation.T).astype(np.float32), order, size),
        surface=surface,
        radiance=_untiled(light.astype(np.float32), order, size),
    )


def _trace(
    scene: Scene,
    camera: Camera,
    rows: NDArray[np.float64],
    columns: NDArray[np.float64],
    size: tuple[int, int],
) -> tuple[Hits, NDArray[np.float64]]:
    directions = camera.rays(rows, columns, size)
    hits = cast(scene.size, scene.solids, camera.position, directions)
    return hits, shade(scene, camera.position, directions, hits)


@lru_cache(maxsize=16)
def _tiled(size: tuple[int, int]) -> NDArray[np.int64]:
    """Indices of all pixels in the flattened image, tile by tile."""
    i, j = np.indices(size).reshape(2, -1)
    return np.lexsort((j, i, j // (2 * TILE), i // TILE))


def _untiled(values: NDArray[D], order: NDArray[np.int64], size: tuple[int, int]) -> NDArray[D]:
    """Values per pixel, (N, …) tile by tile, as an image (H, W, …)."""
    image = np.empty_like(values)
    image[order] = values
    return image.reshape(*size, *values.shape[1:])


def _borders(instance: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Pixels beside a pixel of another instance, on both sides of the border."""
    border = np.zeros(instance.shape, dtype=np.bool_)
    across, down = instance[:, 1:] != instance[:, :-1], instance[1:] != instance[:-1]
    border[:, 1:] |= across
    border[:, :-1] |= across
    border[1:] |= down
    border[:-1] |= down
    return border
