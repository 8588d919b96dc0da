import math

import numpy as np
import pytest

from fedmtl.data.rendering.material import Material
from fedmtl.data.rendering.raycast import cast
from fedmtl.data.rendering.shading import REACH, shade
from tests.data.rendering.scenes import GREY, WHITE, lamp, place, scene

EYE = np.array([2.0, 3.0, 1.5])
DOWN = np.array([[0.0, 0.0, -1.0]])
TWO = np.array([[0.0, 0.0, -1.0], [0.5, 0.0, -1.5]])


def seen(room, directions=DOWN):
    return shade(room, EYE, directions, cast(room.size, room.solids, EYE, directions))


def test_a_lambertian_floor_sends_out_albedo_times_irradiance():
    room = scene(lights=[lamp((2.0, 3.0, 2.0), 3.0)], shell=(WHITE, GREY, WHITE))
    light = seen(room, TWO)
    assert light[0] == pytest.approx([0.5 * 3.0 / 4.0] * 3)
    assert light[1] == pytest.approx([0.5 * 3.0 * 2 / 4.25**1.5] * 3)


def test_lights_add_up():
    lamps = [lamp((2.0, 3.0, 2.0), 3.0), lamp((1.0, 2.0, 2.5), 2.0)]
    apart = sum(seen(scene(lights=[one]), TWO) for one in lamps)
    np.testing.assert_allclose(seen(scene(lights=lamps), TWO), apart)


def test_a_thing_in_the_way_leaves_only_ambient_light():
    box = place(at=(2.6, 3.0, 1.9), half=(0.3, 0.5, 0.05))
    light = lamp((3.2, 3.0, 2.9), 3.0)
    points = np.array([[0.0, 0.0, -1.0], [0.6, 0.0, -1.5]])
    dark, lit = seen(scene(box, lights=[light], ambient=(0.2, 0.2, 0.2)), points)
    assert dark == pytest.approx(seen(scene(ambient=(0.2, 0.2, 0.2)), points)[0])
    assert lit.min() > dark.max()


def test_a_glowing_surface_needs_no_light():
    shell = (WHITE, Material((0.8, 0.4, 0.2), glow=0.5), WHITE)
    assert seen(scene(shell=shell))[0] == pytest.approx([0.4, 0.2, 0.1])


def test_the_highlight_is_in_the_mirror_direction():
    shell = (WHITE, Material((0.0, 0.0, 0.0), gloss=0.5), WHITE)
    angle = math.pi / 6
    across = 1.5 * math.tan(angle)
    light = lamp((2.0 + 2 * across, 3.0, 1.5), 1.0)
    directions = np.array([[across, 0.0, -1.5], [0.5 * across, 0.0, -1.5]])
    mirror, beside = seen(scene(lights=[light], shell=shell), directions)[:, 0]
    distance = 1.5 / math.cos(angle)
    assert mirror == pytest.approx(0.5 * math.cos(angle) / distance**2)
    assert 0 < beside < 0.9 * mirror


def test_ambient_light_fades_towards_corners():
    floor = scene(ambient=(1.0, 1.0, 1.0))
    middle, corner = seen(floor, np.array([[0.0, 0.0, -1.0], [-1.99, -2.99, -1.5]]))[:, 0]
    assert middle > 0.85
    assert corner == pytest.approx(2 * 0.5 * 0.5**2, rel=0.4)
    assert 0 < REACH < 1
