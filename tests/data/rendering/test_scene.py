import math

import numpy as np
import pytest

from fedmtl.data.rendering.material import Material
from fedmtl.data.rendering.scene import CLASSES, Placed, Thing
from fedmtl.data.rendering.solids import SHELL
from tests.data.rendering.scenes import GREY, place, scene, solid


def test_every_surface_has_a_row_in_every_table():
    lamp = Thing("lamp", (solid(), solid(), solid()), (1.0, 1.0, 1.0))
    room = scene(place(label="sofa"), Placed(lamp, 1.0, 1.0, 0.0, 0.0), place(label="ornament", vivid=True))
    names = ["wall"] * 4 + ["floor", "ceiling", "sofa", "lamp", "lamp", "lamp", "ornament"]
    assert [CLASSES[label] for label in room.label] == names
    assert room.instance.tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 7, 7, 8]
    assert room.vivid.tolist() == [False] * 10 + [True]
    assert room.materials.shape == (11, 11)
    assert room.frames.shape == (11, 5)
    assert len(room.solids.shape) == 11 - SHELL


def test_the_shell_is_made_of_its_three_materials():
    walls, floor, ceiling = (Material((band, 0.0, 0.0)) for band in (0.1, 0.2, 0.3))
    room = scene(place(material=GREY), shell=(walls, floor, ceiling))
    assert room.materials[:, 0] == pytest.approx([0.1, 0.1, 0.1, 0.1, 0.2, 0.3, 0.5])


def test_things_are_turned_then_shifted():
    thing = Thing("chair", (solid(centre=(1.0, 0.0, 0.5), yaw=0.25),), (1.0, 1.0, 1.0))
    room = scene(Placed(thing, 2.0, 3.0, 0.1, math.pi / 2))
    assert room.solids.centre[0] == pytest.approx([2.0, 4.0, 0.6])
    angle = 0.25 + math.pi / 2
    assert room.frames[SHELL] == pytest.approx([2.0, 4.0, 0.6, math.cos(angle), math.sin(angle)])
    assert room.frames[:SHELL] == pytest.approx(np.tile([0.0, 0.0, 0.0, 1.0, 0.0], (SHELL, 1)))


def test_an_empty_room_is_a_scene():
    assert scene().label.tolist() == [0, 0, 0, 0, 1, 2]
