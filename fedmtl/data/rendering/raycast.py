"""Rays through a room: what each one meets first, and what a light reaches.

Every call shoots rays from one origin, the camera or a light, so the origin is brought into each solid's
frame once. Rays that follow one another should point in similar directions: they are sorted out in bundles.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fedmtl.compiled import kernel
from fedmtl.data.rendering.solids import SHELL, Shape, Solids

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

TINY = 1e-30
"""Stands for a component of exactly 0 where one divides by it."""
BUNDLE = 32
"""Neighbouring rays that are tried together against the solids' bounding spheres."""


class Hits(NamedTuple):
    """Where N rays end.

    Attributes:
        distance: (N,) in lengths of the ray's direction.
        surface: (N,) int64: a face of the room's shell, 0…5, or 6 + the solid's index.
        normal: (N, 3) unit, in world coordinates, towards the origin's side.
    """

    distance: Floats
    surface: Indices
    normal: Floats


def cast(room: Floats, solids: Solids, origin: Floats, directions: Floats) -> Hits:
    """Follow rays to the first surface they meet.

    Args:
        room: (3,) size of the room, which the origin is in.
        solids: what stands in it; the origin is in none of them.
        origin: (3,).
        directions: (N, 3), of any length.
    """
    hits = Hits(np.empty(len(directions)), np.empty(len(directions), np.int64), np.empty(directions.shape))
    local, candidates = _scratch(solids)
    _cast(room, solids, origin, directions, local, candidates, hits.distance, hits.surface, hits.normal)
    return hits


def irradiance(solids: Solids, light: Floats, size: float, points: Floats, normals: Floats) -> Floats:
    """What a point light of unit intensity gives to each surface point: cos θ / (d² + size²), or 0 in shadow.

    Args:
        solids: what may stand in the way.
        light: (3,) its position.
        size: the lamp's own size, which keeps surfaces beside it from burning out.
        points: (N, 3).
        normals: (N, 3) unit.

    Returns:
        (N,).
    """
    out = np.empty(len(points))
    local, candidates = _scratch(solids)
    _irradiance(solids, light, size, points - light, normals, local, candidates, out)
    return out


def _scratch(solids: Solids) -> tuple[Floats, Indices]:
    """Memory for the origin in every solid's frame, and for the solids that a bundle may meet."""
    return np.empty(solids.centre.shape), np.empty(len(solids.centre), np.int64)


@kernel
def _box(ox: float, oy: float, oz: float, dx: float, dy: float, dz: float) -> float:
    """Distance along o + t d to the cube [-1, 1]³, from outside; inf where it is missed."""
    # Along a face, 0 / 0 would make the distance to it a NaN; next to along it does not.
    ix = 1.0 / (dx if dx != 0.0 else TINY)
    iy = 1.0 / (dy if dy != 0.0 else TINY)
    iz = 1.0 / (dz if dz != 0.0 else TINY)
    near = max(-ox * ix - abs(ix), -oy * iy - abs(iy), -oz * iz - abs(iz))
    far = min(-ox * ix + abs(ix), -oy * iy + abs(iy), -oz * iz + abs(iz))
    return near if 0.0 < near <= far else math.inf


@kernel
def _ball(ox: float, oy: float, oz: float, dx: float, dy: float, dz: float) -> float:
    """Distance along o + t d to the unit ball, from outside; inf where it is missed."""
    a = dx * dx + dy * dy + dz * dz
    b = ox * dx + oy * dy + oz * dz
    discriminant = b * b - a * (ox * ox + oy * oy + oz * oz - 1.0)
    if b >= 0.0 or discriminant < 0.0:
        return math.inf
    return (-b - math.sqrt(discriminant)) / a


@kernel
def _cone(ox: float, oy: float, oz: float, dx: float, dy: float, dz: float, taper: float) -> float:
    """Distance along o + t d to the cut cone |z| ≤ 1 of radius 1 … taper; inf where it is missed."""
    slope = 0.5 * (taper - 1.0)
    radius = 0.5 * (taper + 1.0) + slope * oz
    a = dx * dx + dy * dy - slope * slope * dz * dz
    b = ox * dx + oy * dy - slope * dz * radius
    discriminant = b * b - a * (ox * ox + oy * oy - radius * radius)
    best = math.inf
    if discriminant >= 0.0:
        root = math.sqrt(discriminant)
        for t in ((-b - root) / a, (-b + root) / a):
            if 0.0 < t < best and abs(oz + t * dz) <= 1.0:
                best = t
    for end in (-1.0, 1.0):
        t = (end - oz) / dz
        x, y, r = ox + t * dx, oy + t * dy, radius + slope * t * dz
        if 0.0 < t < best and x * x + y * y <= r * r:
            best = t
    return best


@kernel
def _meet(solids: Solids, p: int, local: Floats, dx: float, dy: float, dz: float) -> float:
    """Distance along a world direction to solid p, from the origin that `local` holds in p's frame."""
    cos, sin = solids.turn[p, 0], solids.turn[p, 1]
    lx = (cos * dx + sin * dy) * solids.inverse[p, 0]
    ly = (cos * dy - sin * dx) * solids.inverse[p, 1]
    lz = dz * solids.inverse[p, 2]
    ox, oy, oz = local[p, 0], local[p, 1], local[p, 2]
    if solids.shape[p] == Shape.box:
        return _box(ox, oy, oz, lx, ly, lz)
    if solids.shape[p] == Shape.ball:
        return _ball(ox, oy, oz, lx, ly, lz)
    return _cone(ox, oy, oz, lx, ly, lz, solids.taper[p])


@kernel
def _into_frame(solids: Solids, p: int, x: float, y: float, z: float) -> tuple[float, float, float]:
    """A world point in the frame of solid p."""
    x, y, z = x - solids.centre[p, 0], y - solids.centre[p, 1], z - solids.centre[p, 2]
    cos, sin = solids.turn[p, 0], solids.turn[p, 1]
    return (
        (cos * x + sin * y) * solids.inverse[p, 0],
        (cos * y - sin * x) * solids.inverse[p, 1],
        z * solids.inverse[p, 2],
    )


@kernel
def _all_into_frame(solids: Solids, origin: Floats, local: Floats) -> None:
    """Write a world point in the frame of every solid to `local`, (P, 3)."""
    for p in range(len(local)):
        x, y, z = _into_frame(solids, p, origin[0], origin[1], origin[2])
        local[p, 0], local[p, 1], local[p, 2] = x, y, z


@kernel
def _within_reach(
    solids: Solids, origin: Floats, directions: Floats, first: int, last: int, found: Indices
) -> int:
    """Write the solids that the rays first … last - 1 may meet to `found`; returns how many.

    Those are the solids whose bounding sphere reaches into the narrowest cone that holds the bundle.
    """
    ax, ay, az = 0.0, 0.0, 0.0
    for n in range(first, last):
        ax, ay, az = ax + directions[n, 0], ay + directions[n, 1], az + directions[n, 2]
    length = math.sqrt(ax * ax + ay * ay + az * az)
    ax, ay, az = ax / length, ay / length, az / length
    square = 1.0
    for n in range(first, last):
        x, y, z = directions[n, 0], directions[n, 1], directions[n, 2]
        along = max(0.0, ax * x + ay * y + az * z)
        square = min(square, along * along / (x * x + y * y + z * z))
    sin = math.sqrt(1.0 - square)
    count = 0
    for p in range(len(solids.radius)):
        x, y, z = (
            solids.centre[p, 0] - origin[0],
            solids.centre[p, 1] - origin[1],
            solids.centre[p, 2] - origin[2],
        )
        along = ax * x + ay * y + az * z
        # The centre's distance from the axis, times cos, less its distance along it, times sin, is how far
        # outside the cone it is.
        reach = solids.radius[p] + along * sin
        aside = x * x + y * y + z * z - along * along
        if square == 0.0 or (reach >= 0.0 and aside * square <= reach * reach):
            found[count] = p
            count += 1
    return count


@kernel
def _normal(solids: Solids, p: int, x: float, y: float, z: float) -> tuple[float, float, float]:
    """The outward unit normal of solid p at a point of its surface."""
    x, y, z = _into_frame(solids, p, x, y, z)
    if solids.shape[p] == Shape.box:
        ax, ay, az = abs(x), abs(y), abs(z)
        if ax >= ay and ax >= az:
            y, z = 0.0, 0.0
        elif ay >= az:
            x, z = 0.0, 0.0
        else:
            x, y = 0.0, 0.0
    elif solids.shape[p] == Shape.cone:
        slope = 0.5 * (solids.taper[p] - 1.0)
        radius = 0.5 * (solids.taper[p] + 1.0) + slope * z
        if abs(abs(z) - 1.0) < abs(math.sqrt(x * x + y * y) - radius):
            x, y = 0.0, 0.0
        else:
            z = -slope * radius
    x, y, z = x * solids.inverse[p, 0], y * solids.inverse[p, 1], z * solids.inverse[p, 2]
    cos, sin = solids.turn[p, 0], solids.turn[p, 1]
    length = math.sqrt(x * x + y * y + z * z)
    return (cos * x - sin * y) / length, (sin * x + cos * y) / length, z / length


@kernel
def _cast(
    room: Floats,
    solids: Solids,
    origin: Floats,
    directions: Floats,
    local: Floats,
    candidates: Indices,
    distance: Floats,
    surface: Indices,
    normal: Floats,
) -> None:
    _all_into_frame(solids, origin, local)
    for first in range(0, len(directions), BUNDLE):
        last = min(first + BUNDLE, len(directions))
        count = _within_reach(solids, origin, directions, first, last, candidates)
        for n in range(first, last):
            dx, dy, dz = directions[n, 0], directions[n, 1], directions[n, 2]
            best, found = math.inf, -1
            for axis in range(3):
                d = directions[n, axis]
                t = ((room[axis] if d > 0.0 else 0.0) - origin[axis]) / d
                if t < best and d != 0.0:
                    best, found = t, 2 * axis + (1 if d > 0.0 else 0)
            for c in range(count):
                p = candidates[c]
                t = _meet(solids, p, local, dx, dy, dz)
                if t < best:
                    best, found = t, SHELL + p
            distance[n], surface[n] = best, found
            if found < SHELL:
                inwards = 1.0 - 2.0 * (found % 2)
                x, y, z = inwards * (found < 2), inwards * (2 <= found < 4), inwards * (found >= 4)
            else:
                x, y, z = origin[0] + best * dx, origin[1] + best * dy, origin[2] + best * dz
                x, y, z = _normal(solids, found - SHELL, x, y, z)
            normal[n, 0], normal[n, 1], normal[n, 2] = x, y, z


@kernel
def _irradiance(
    solids: Solids,
    light: Floats,
    size: float,
    directions: Floats,
    normals: Floats,
    local: Floats,
    candidates: Indices,
    out: Floats,
) -> None:
    _all_into_frame(solids, light, local)
    for first in range(0, len(directions), BUNDLE):
        last = min(first + BUNDLE, len(directions))
        count = _within_reach(solids, light, directions, first, last, candidates)
        for n in range(first, last):
            dx, dy, dz = directions[n, 0], directions[n, 1], directions[n, 2]
            facing = -(normals[n, 0] * dx + normals[n, 1] * dy + normals[n, 2] * dz)
            lit = facing > 0.0
            for c in range(count):
                p = candidates[c]
                # Short of the point itself, or every surface would shade itself.
                if not lit or (solids.opaque[p] and _meet(solids, p, local, dx, dy, dz) < 0.999):
                    lit = False
                    break
            square = dx * dx + dy * dy + dz * dz
            out[n] = facing / math.sqrt(square) / (square + size * size) if lit else 0.0
