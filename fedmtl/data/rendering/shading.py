"""The light that leaves a surface towards the camera: Lambert, Blinn–Phong, and ambient light in corners."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fedmtl.compiled import kernel
from fedmtl.data.rendering.raycast import Hits, irradiance
from fedmtl.data.rendering.scene import Scene
from fedmtl.data.rendering.texture import albedo

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

REACH = 0.12
"""Distance from a side of the room at which a quarter of the ambient light is lost, metres."""


def shade(scene: Scene, eye: Floats, directions: Floats, hits: Hits) -> Floats:
    """Light (N, 3) along rays from `eye`.

        L = a (g + A o + Σ_l I_l E_l) + s Σ_l I_l E_l (n·h_l)^32

    with a the albedo, g glow, A ambient light, o its share that gets into the corner, s gloss, I_l a light's
    intensity, E_l its irradiance (0 in shadow), n the normal and h_l halfway between light and eye.
    """
    points = directions * hits.distance[:, None]
    points += eye
    colour = albedo(scene.materials, scene.frames, hits.surface, points)
    gloss, glow = np.ascontiguousarray(scene.materials[:, 9:].T)
    out = np.empty_like(points)
    _start(scene.size, scene.ambient, glow, hits.surface, points, colour, out)
    for light in scene.lights:
        position, intensity = np.array(light.position), np.array(light.intensity)
        received = irradiance(scene.solids, position, light.radius, points, hits.normal)
        _add_light(position, intensity, received, eye, gloss, hits.surface, points, hits.normal, colour, out)
    return out


@kernel
def _start(
    room: Floats,
    ambient: Floats,
    glow: Floats,
    surface: Indices,
    points: Floats,
    colour: Floats,
    out: Floats,
) -> None:
    """Set `out` (N, 3) to a (g + A o)."""
    for n in range(len(points)):
        # The side of the room that the point itself lies on takes half from every such point alike.
        openness = 2.0
        for axis in range(3):
            for gap in (points[n, axis], room[axis] - points[n, axis]):
                openness *= 1.0 - 0.5 * REACH / (max(gap, 0.0) + REACH)
        for band in range(3):
            out[n, band] = colour[n, band] * (glow[surface[n]] + ambient[band] * min(1.0, openness))


@kernel
def _add_light(
    light: Floats,
    intensity: Floats,
    received: Floats,
    eye: Floats,
    gloss: Floats,
    surface: Indices,
    points: Floats,
    normals: Floats,
    colour: Floats,
    out: Floats,
) -> None:
    """Add a I E + s I E (n·h)^32 to `out` (N, 3)."""
    for n in range(len(points)):
        if received[n] == 0.0:
            continue
        highlight = 0.0
        if gloss[surface[n]] > 0.0:
            lx, ly, lz = light[0] - points[n, 0], light[1] - points[n, 1], light[2] - points[n, 2]
            ex, ey, ez = eye[0] - points[n, 0], eye[1] - points[n, 1], eye[2] - points[n, 2]
            near = math.sqrt((ex * ex + ey * ey + ez * ez) / (lx * lx + ly * ly + lz * lz))
            hx, hy, hz = lx * near + ex, ly * near + ey, lz * near + ez
            cosine = hx * normals[n, 0] + hy * normals[n, 1] + hz * normals[n, 2]
            cosine /= math.sqrt(hx * hx + hy * hy + hz * hz)
            highlight = gloss[surface[n]] * max(0.0, cosine) ** 32
        for band in range(3):
            out[n, band] += (colour[n, band] + highlight) * received[n] * intensity[band]
