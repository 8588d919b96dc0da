import numpy as np
import pytest

from fedmtl.data.rendering.floorplan import FloorPlan
from fedmtl.data.rendering.scene import ROOM_TYPES, Placed, Scene
from fedmtl.data.rendering.standpoint import CLEARANCE, HEIGHTS, stand
from fedmtl.data.rendering.style import Style
from tests.data.rendering.scenes import GREY, SIZE, place


def choose(seed):
    """A camera among eight pillars as high as the room."""
    rng = np.random.default_rng(seed)
    plan = FloorPlan(SIZE, rng)
    for x in (0.5, 2.0, 3.5):
        for y in (1.0, 3.0, 5.0):
            thing = place(half=(0.15, 0.15, 1.5)).thing
            assert plan.put(Placed(thing._replace(solids=_raised(thing)), x, y, 0.0, 0.0))
    scene = Scene.build(ROOM_TYPES[0], SIZE, (GREY, GREY, GREY), plan.placed, (), (1.0, 1.0, 1.0))
    lens = Style.of(0, "0").lens
    return scene, lens, stand(scene, plan, lens, plan.placed[0], plan.placed[-1])


def _raised(thing):
    return tuple(solid._replace(centre=(0.0, 0.0, 1.5)) for solid in thing.solids)


@pytest.mark.parametrize("seed", range(10))
def test_the_camera_keeps_clear_of_everything(seed):
    scene, _, camera = choose(seed)
    half = 1 / scene.solids.inverse
    gaps = np.maximum(np.abs(camera.position - scene.solids.centre) - half, 0.0).max(axis=1)
    assert gaps.min() >= CLEARANCE - 1e-6
    assert np.all(camera.position[:2] >= CLEARANCE)
    assert np.all(camera.position[:2] <= np.array(SIZE[:2]) - CLEARANCE)
    assert HEIGHTS[0] <= camera.position[2] <= HEIGHTS[1]


def test_the_camera_has_the_lens_of_its_site():
    _, lens, camera = choose(0)
    assert (camera.focal, camera.distortion) == (lens.focal, lens.distortion)


def test_the_camera_is_held_nearly_level():
    for seed in range(10):
        assert abs(choose(seed)[2].rotation[0, 2]) < 0.1
