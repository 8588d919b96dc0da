import math

import numpy as np
import pytest

from fedmtl.data.rendering.material import Material
from fedmtl.data.rendering.solids import Shape, move, pack
from tests.data.rendering.scenes import solid


def test_pack_keeps_order_and_says_what_glows():
    lamp = Material((1.0, 1.0, 1.0), glow=1.0)
    solids = pack([solid(Shape.ball, half=(0.1, 0.2, 0.4)), solid(yaw=math.pi / 2, material=lamp)])
    assert solids.shape.tolist() == [Shape.ball, Shape.box]
    assert solids.inverse[0] == pytest.approx([10.0, 5.0, 2.5])
    assert solids.turn[1] == pytest.approx([0.0, 1.0])
    assert solids.opaque.tolist() == [True, False]


@pytest.mark.parametrize(
    ("shape", "taper", "radius"),
    [
        (Shape.box, 1.0, math.sqrt(1 + 4 + 4)),
        (Shape.ball, 1.0, 2.0),
        (Shape.cone, 0.5, 3.0),
        (Shape.cone, 2.0, math.sqrt(4 + 16 + 4)),
    ],
)
def test_the_bounding_sphere_holds_the_solid(shape, taper, radius):
    assert pack([solid(shape, half=(1.0, 2.0, 2.0), taper=taper)]).radius == pytest.approx([radius])


def test_move_turns_about_z_then_shifts():
    solids = pack([solid(centre=(1.0, 0.0, 0.5), yaw=math.pi / 6)])
    moved = move(solids, np.array([[10.0, 20.0, 30.0]]), np.array([math.pi / 2]))
    assert moved.centre[0] == pytest.approx([10.0, 21.0, 30.5])
    assert moved.turn[0] == pytest.approx([math.cos(2 * math.pi / 3), math.sin(2 * math.pi / 3)])


def test_a_room_may_be_empty():
    solids = move(pack([]), np.empty((0, 3)), np.empty(0))
    assert solids.centre.shape == (0, 3)
    assert solids.radius.shape == (0,)
