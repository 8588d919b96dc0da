"""A scene: everything that stands in one room and lights it, ready for the ray caster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fedmtl.data.rendering.material import Material
from fedmtl.data.rendering.solids import SHELL, Solid, Solids, move, pack

CLASSES = (
    "wall",
    "floor",
    "ceiling",
    "window",
    "picture",
    "table",
    "chair",
    "sofa",
    "bed",
    "cabinet",
    "lamp",
    "ornament",
)
"""What a surface can be. Columns are wall, rugs are floor, shelves and kitchen units are cabinets."""

ROOM_TYPES = ("bedroom", "kitchen", "living_room", "office")


class Thing(NamedTuple):
    """One object: solids in its own frame, the origin on the floor below its middle, its front towards +y.

    Attributes:
        label: one of `CLASSES`.
        solids: what it is made of.
        size: width, depth and height of the box it fills, metres.
        top: height of the flat top on which ornaments may stand; 0 where there is none.
        vivid: whether it is a strongly coloured ornament, which is what saliency marks.
    """

    label: str
    solids: tuple[Solid, ...]
    size: tuple[float, float, float]
    top: float = 0.0
    vivid: bool = False


class Placed(NamedTuple):
    """A thing in the room: moved to (x, y, z), then turned by `yaw` about its own vertical axis."""

    thing: Thing
    x: float
    y: float
    z: float
    yaw: float


class Light(NamedTuple):
    """A point light: world position in metres, intensity per band, radius of the lamp in metres."""

    position: tuple[float, float, float]
    intensity: tuple[float, float, float]
    radius: float


@dataclass(frozen=True)
class Scene:
    """A room, with a row for each of its S = 6 + P surfaces (see `solids.SHELL`).

    Args:
        room_type: one of `ROOM_TYPES`.
        size: (3,) of the room, metres.
        solids: P solids.
        materials: (S, 11) as `Material.row`.
        frames: (S, 5) each surface's origin in the world, and cosine and sine of its yaw.
        label: (S,) uint8, index into `CLASSES`.
        instance: (S,) int64; each face of the shell and each thing is one instance.
        vivid: (S,) bool.
        lights: the point lights.
        ambient: (3,) light from everywhere.
    """

    room_type: str
    size: NDArray[np.float64]
    solids: Solids
    materials: NDArray[np.float64]
    frames: NDArray[np.float64]
    label: NDArray[np.uint8]
    instance: NDArray[np.int64]
    vivid: NDArray[np.bool_]
    lights: tuple[Light, ...]
    ambient: NDArray[np.float64]

    @classmethod
    def build(
        cls,
        room_type: str,
        size: tuple[float, float, float],
        shell: tuple[Material, Material, Material],
        things: Sequence[Placed],
        lights: Sequence[Light],
        ambient: tuple[float, float, float],
    ) -> Scene:
        """Put `things` into a room; `shell` is what its walls, floor and ceiling are made of."""
        walls, floor, ceiling = shell
        local = [solid for placed in things for solid in placed.thing.solids]
        materials = [walls, walls, walls, walls, floor, ceiling, *(solid.material for solid in local)]
        owner = np.repeat(np.arange(len(things)), [len(placed.thing.solids) for placed in things])
        places = np.array([placed[1:] for placed in things], dtype=np.float64).reshape(-1, 4)[owner]
        solids = move(pack(local), places[:, :3], places[:, 3])
        labels = np.array([CLASSES.index(placed.thing.label) for placed in things], dtype=np.uint8)
        vivid = np.array([placed.thing.vivid for placed in things], dtype=np.bool_)
        frames = np.column_stack([solids.centre, solids.turn])
        return cls(
            room_type=room_type,
            size=np.array(size),
            solids=solids,
            materials=np.array([material.row for material in materials]),
            frames=np.concatenate([np.tile((0.0, 0.0, 0.0, 1.0, 0.0), (SHELL, 1)), frames]),
            label=np.concatenate([np.array([0, 0, 0, 0, 1, 2], dtype=np.uint8), labels[owner]]),
            instance=np.concatenate([np.arange(SHELL), SHELL + owner]),
            vivid=np.concatenate([np.zeros(SHELL, dtype=np.bool_), vivid[owner]]),
            lights=tuple(lights),
            ambient=np.array(ambient),
        )
