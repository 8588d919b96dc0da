"""Textures drawn from a point in space: nothing is stored, nothing wraps, nothing needs coordinates."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fedmtl.compiled import kernel
from fedmtl.data.rendering.material import Texture

Floats = NDArray[np.float64]

GROUT = 0.04
"""Width of the joints of tiles, in tiles."""


def albedo(materials: Floats, frames: Floats, surface: NDArray[np.int64], points: Floats) -> Floats:
    """The colours (N, 3) of points on surfaces; a texture moves and turns with its surface.

    Args:
        materials: (S, 11) as `Material.row`.
        frames: (S, 5) each surface's origin, and cosine and sine of its yaw.
        surface: (N,) the surface that a point lies on.
        points: (N, 3) world, metres.
    """
    out = np.empty(points.shape)
    _albedo(materials, frames, surface, points, out)
    return out


@kernel
def _hash(i: int, j: int, k: int) -> float:
    """A number in [0, 1) for a cell of space, the same wherever it is asked for."""
    h = np.uint32(i * 374761393 + j * 668265263 + k * 1274126177)
    h = np.uint32((h ^ (h >> np.uint32(13))) * np.uint32(1103515245))
    h = np.uint32((h ^ (h >> np.uint32(16))) * np.uint32(2246822519))
    return float(h ^ (h >> np.uint32(15))) / 4294967296.0


@kernel
def _noise(x: float, y: float, z: float) -> float:
    """Value noise: random numbers at whole coordinates, smoothly between them."""
    i, j, k = math.floor(x), math.floor(y), math.floor(z)
    u, v, w = x - i, y - j, z - k
    u, v, w = u * u * (3.0 - 2.0 * u), v * v * (3.0 - 2.0 * v), w * w * (3.0 - 2.0 * w)
    total = 0.0
    for a in range(2):
        for b in range(2):
            for c in range(2):
                share = (u if a else 1.0 - u) * (v if b else 1.0 - v) * (w if c else 1.0 - w)
                total += share * _hash(i + a, j + b, k + c)
    return total


@kernel
def _wood(x: float, y: float, z: float) -> float:
    """Boards side by side along x, each of its own tone, with a grain along y and z, and dark joints."""
    board = math.floor(x)
    along = y + z
    tone = _hash(board, math.floor(along / 8.0 + 7.0 * _hash(board, 3, 5)), 0)
    grain = _noise(6.0 * x, 0.7 * along, 0.5 * board)
    return 1.0 if x - board < 0.04 else 0.5 * tone + 0.5 * grain


@kernel
def _sample(texture: int, x: float, y: float, z: float) -> float:
    """A texture at a point given in its periods."""
    if texture == Texture.checker:
        return (math.floor(x) + math.floor(y) + math.floor(z)) % 2.0
    if texture == Texture.stripes:
        return math.floor(2.0 * (x + y)) % 2.0
    if texture == Texture.tiles:
        i, j, k = math.floor(x), math.floor(y), math.floor(z)
        return 1.0 if min(x - i, y - j, z - k) < GROUT else 0.25 * _hash(i, j, k)
    if texture == Texture.wood:
        return _wood(x, y, z)
    if texture == Texture.mottled:
        return 0.6 * _noise(x, y, z) + 0.4 * _noise(3.0 * x, 3.0 * y, 3.0 * z)
    return 0.0


@kernel
def _albedo(
    materials: Floats, frames: Floats, surface: NDArray[np.int64], points: Floats, out: Floats
) -> None:
    for n in range(len(out)):
        s = surface[n]
        texture, scale, phase = materials[s, 6], materials[s, 7], materials[s, 8]
        x, y, z = points[n, 0] - frames[s, 0], points[n, 1] - frames[s, 1], points[n, 2] - frames[s, 2]
        cos, sin = frames[s, 3], frames[s, 4]
        x, y = cos * x + sin * y, cos * y - sin * x
        share = _sample(int(texture), x / scale + phase, y / scale + phase, z / scale + phase)
        for band in range(3):
            out[n, band] = materials[s, band] + share * (materials[s, 3 + band] - materials[s, band])
