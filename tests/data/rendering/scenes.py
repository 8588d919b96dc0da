"""Hand-made scenes with known geometry."""

from __future__ import annotations

import math

import numpy as np

from fedmtl.data.rendering.camera import Camera
from fedmtl.data.rendering.material import Material
from fedmtl.data.rendering.scene import Light, Placed, Scene, Thing
from fedmtl.data.rendering.solids import Shape, Solid

GREY = Material((0.5, 0.5, 0.5))
WHITE = Material((1.0, 1.0, 1.0))
SIZE = (4.0, 6.0, 3.0)


def solid(shape=Shape.box, centre=(0.0, 0.0, 0.0), half=(0.5, 0.5, 0.5), material=GREY, taper=1.0, yaw=0.0):
    return Solid(shape, centre, half, material, taper, yaw)


def place(shape=Shape.box, at=(2.0, 3.0, 0.5), half=(0.5, 0.5, 0.5), label="table", vivid=False, **other):
    """A thing of one solid with its centre at `at`."""
    thing = Thing(
        label, (solid(shape, (0.0, 0.0, 0.0), half, **other),), tuple(2 * h for h in half), vivid=vivid
    )
    return Placed(thing, *at, 0.0)


def scene(*things, lights=(), ambient=(0.0, 0.0, 0.0), shell=(WHITE, WHITE, WHITE)):
    return Scene.build("office", SIZE, shell, things, lights, ambient)


def camera(position=(2.0, 1.0, 1.5), target=(2.0, 6.0, 1.5), focal=0.8, **other):
    """A camera that looks along +y unless told otherwise: right is +x, down is -z."""
    return Camera.looking_at(np.array(position), np.array(target), focal, **other)


def lamp(position=(2.0, 3.0, 2.5), intensity=1.0, radius=0.0):
    return Light(position, (intensity, intensity, intensity), radius)


def random_solids(rng, count):
    """Solids of every shape, yaw and taper around the middle of the room."""
    return [
        solid(
            Shape(int(rng.integers(3))),
            tuple(rng.uniform((0.5, 2.0, 0.3), (3.5, 5.5, 2.5))),
            tuple(rng.uniform(0.05, 0.5, size=3)),
            taper=rng.uniform(0.0, 2.0),
            yaw=rng.uniform(0.0, 2 * math.pi),
        )
        for _ in range(count)
    ]
