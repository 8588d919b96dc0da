"""The solids that everything in a room is made of, and how they are laid out for the ray caster.

World coordinates are metres, x and y along the floor, z up; the room is the box from (0, 0, 0) to its size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fedmtl.data.rendering.material import Material

SHELL = 6
"""Surfaces 0…5 are the room's own: walls at x = 0 and x = width, at y = 0 and y = depth, floor, ceiling."""


class Shape(IntEnum):
    """A solid in its own frame, where it spans [-1, 1] along each axis."""

    box = 0
    ball = 1
    cone = 2
    """A vertical cone cut off at both ends, of radius 1 at the bottom and `taper` at the top."""


class Solid(NamedTuple):
    """A shape scaled to `half` its size along its axes, turned by `yaw` about z and moved to `centre`."""

    shape: Shape
    centre: tuple[float, float, float]
    half: tuple[float, float, float]
    material: Material
    taper: float = 1.0
    yaw: float = 0.0


class Solids(NamedTuple):
    """P solids as the ray caster reads them.

    Attributes:
        shape: (P,) int64, of `Shape`.
        centre: (P, 3) metres.
        inverse: (P, 3) one over half the size along each axis, 1/metres.
        turn: (P, 2) cosine and sine of the yaw.
        taper: (P,).
        opaque: (P,) bool; a solid that glows casts no shadow, for the light is inside it.
        radius: (P,) of a sphere about the centre that holds the solid, metres.
    """

    shape: NDArray[np.int64]
    centre: NDArray[np.float64]
    inverse: NDArray[np.float64]
    turn: NDArray[np.float64]
    taper: NDArray[np.float64]
    opaque: NDArray[np.bool_]
    radius: NDArray[np.float64]


def pack(solids: Sequence[Solid]) -> Solids:
    """Lay out solids in the order given."""
    shape = np.array([solid.shape for solid in solids], dtype=np.int64)
    half = np.array([solid.half for solid in solids], dtype=np.float64).reshape(-1, 3)
    taper = np.array([solid.taper for solid in solids], dtype=np.float64)
    reach = half.copy()
    reach[:, :2] *= np.where(shape == Shape.cone, np.maximum(1.0, taper), 1.0)[:, None]
    return Solids(
        shape=shape,
        centre=np.array([solid.centre for solid in solids], dtype=np.float64).reshape(-1, 3),
        inverse=1.0 / half,
        turn=np.array([(math.cos(s.yaw), math.sin(s.yaw)) for s in solids], dtype=np.float64).reshape(-1, 2),
        taper=taper,
        opaque=np.array([solid.material.glow == 0 for solid in solids], dtype=np.bool_),
        radius=np.where(shape == Shape.ball, reach.max(axis=1), np.linalg.norm(reach, axis=1)),
    )


def move(solids: Solids, position: NDArray[np.float64], yaw: NDArray[np.float64]) -> Solids:
    """Turn each solid about the z axis by `yaw` (P,), then shift it by `position` (P, 3)."""
    cos, sin = np.cos(yaw), np.sin(yaw)
    x, y, z = solids.centre.T
    centre = position + np.stack([cos * x - sin * y, sin * x + cos * y, z], axis=1)
    x, y = solids.turn.T
    return solids._replace(centre=centre, turn=np.stack([cos * x - sin * y, sin * x + cos * y], axis=1))
