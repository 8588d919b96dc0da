"""Putting things into a room so that none stands in another."""

from __future__ import annotations

import math

import numpy as np

from fedmtl.data.rendering.scene import Placed, Thing

Bounds = tuple[float, float, float, float, float, float]
"""An upright box: its lower corner, then its upper one."""

SLACK = 1e-6
"""How far things may overlap, for rounding; metres."""

TRIES = 12
"""Random places tried before a thing is left out."""

WALLS = ("left", "right", "front", "back")


class FloorPlan:
    """A room being furnished: what stands in it, and what space is taken.

    Every `put…` method returns the placed thing, or None where it found no room for it.
    """

    def __init__(self, size: tuple[float, float, float], rng: np.random.Generator) -> None:
        self.size = size
        self.rng = rng
        self.placed: list[Placed] = []
        self._taken: list[Bounds] = []

    def free(self, box: Bounds) -> bool:
        """Whether an upright box is in the room and nothing reaches into it; touching is allowed."""
        x0, y0, z0, x1, y1, z1 = box
        width, depth, height = self.size
        if min(x0, y0, z0) < -SLACK or x1 > width + SLACK or y1 > depth + SLACK or z1 > height + SLACK:
            return False
        x0, y0, z0, x1, y1, z1 = x0 + SLACK, y0 + SLACK, z0 + SLACK, x1 - SLACK, y1 - SLACK, z1 - SLACK
        return not any(
            x0 < t[3] and t[0] < x1 and y0 < t[4] and t[1] < y1 and z0 < t[5] and t[2] < z1
            for t in self._taken
        )

    def put(self, placed: Placed) -> Placed | None:
        """Put a thing exactly there."""
        box = bounds(placed)
        if not self.free(box):
            return None
        self._taken.append(box)
        self.placed.append(placed)
        return placed

    def lay(self, placed: Placed) -> None:
        """Lay a flat thing under whatever stands there."""
        self.placed.append(placed)

    def put_at_wall(self, thing: Thing, height: float = 0.0) -> Placed | None:
        """Put a thing with its back to any wall, its underside at `height`."""
        for _ in range(TRIES):
            wall = WALLS[self.rng.integers(4)]
            placed = self.put(self.at_wall(thing, wall, self.rng.uniform(), height))
            if placed:
                return placed
        return None

    def at_wall(self, thing: Thing, wall: str, share: float, height: float = 0.0) -> Placed:
        """A thing with its back to `wall`, at a share 0…1 of the wall's free length."""
        width, out = thing.size[0], thing.size[1] / 2
        along = width / 2 + share * (self.length(wall) - width)
        match wall:
            case "left":
                return Placed(thing, out, along, height, -math.pi / 2)
            case "right":
                return Placed(thing, self.size[0] - out, along, height, math.pi / 2)
            case "front":
                return Placed(thing, along, out, height, 0.0)
            case _:
                return Placed(thing, along, self.size[1] - out, height, math.pi)

    def length(self, wall: str) -> float:
        """The length of a wall."""
        return self.size[1] if wall in ("left", "right") else self.size[0]

    def put_on_floor(self, thing: Thing, turned: bool = True) -> Placed | None:
        """Put a thing anywhere on the floor, turned at random or square to the walls."""
        for _ in range(TRIES):
            yaw = self.rng.uniform(0, 2 * math.pi) if turned else math.pi / 2 * self.rng.integers(4)
            x, y = self.rng.uniform((0, 0), self.size[:2])
            placed = self.put(Placed(thing, x, y, 0.0, yaw))
            if placed:
                return placed
        return None

    def put_beside(
        self, anchor: Placed, thing: Thing, offset: tuple[float, float], yaw: float = 0.0
    ) -> Placed | None:
        """Put a thing on the floor at `offset` in the anchor's frame, turned by `yaw` against it."""
        cos, sin = math.cos(anchor.yaw), math.sin(anchor.yaw)
        x = anchor.x + cos * offset[0] - sin * offset[1]
        y = anchor.y + sin * offset[0] + cos * offset[1]
        return self.put(Placed(thing, x, y, 0.0, anchor.yaw + yaw))

    def put_upon(self, support: Placed, thing: Thing) -> Placed | None:
        """Put a thing on the flat top of another, wholly within its outline."""
        cos, sin = math.cos(support.yaw), math.sin(support.yaw)
        slack = [max(0.0, support.thing.size[i] - thing.size[i] * 1.2) / 2 for i in (0, 1)]
        for _ in range(TRIES):
            u, v = self.rng.uniform(-1, 1, size=2) * slack
            placed = Placed(
                thing,
                support.x + cos * u - sin * v,
                support.y + sin * u + cos * v,
                support.z + support.thing.top,
                self.rng.uniform(0, 2 * math.pi),
            )
            if self.put(placed):
                return placed
        return None


def bounds(placed: Placed) -> Bounds:
    """The upright box around a placed thing, whichever way it is turned."""
    cos, sin = abs(math.cos(placed.yaw)), abs(math.sin(placed.yaw))
    width, depth, height = placed.thing.size
    x, y = (cos * width + sin * depth) / 2, (sin * width + cos * depth) / 2
    return placed.x - x, placed.y - y, placed.z, placed.x + x, placed.y + y, placed.z + height
