import numpy as np
import pytest

from fedmtl.data.rendering.sampling import sample
from fedmtl.data.rendering.scene import CLASSES, ROOM_TYPES
from fedmtl.data.rendering.style import Style

ROOMS = 30


@pytest.fixture(scope="module")
def sampled():
    return [sample(Style.of(0, str(seed % 3)), np.random.default_rng(seed)) for seed in range(ROOMS)]


def test_the_same_randomness_gives_the_same_room(sampled):
    scene, camera = sample(Style.of(0, "0"), np.random.default_rng(0))
    np.testing.assert_array_equal(scene.materials, sampled[0][0].materials)
    np.testing.assert_array_equal(scene.solids.centre, sampled[0][0].solids.centre)
    np.testing.assert_array_equal(camera.position, sampled[0][1].position)


def test_lights_and_camera_are_in_the_room(sampled):
    for scene, camera in sampled:
        for place in [camera.position, *(np.array(light.position) for light in scene.lights)]:
            assert np.all((place > 0) & (place < scene.size))


def test_every_room_has_a_lamp_and_light_of_its_own(sampled):
    for scene, _ in sampled:
        assert CLASSES.index("lamp") in scene.label
        assert 1 <= len(scene.lights) <= 3
        assert all(min(light.intensity) > 0 for light in scene.lights)


def test_nearly_every_room_has_something_salient(sampled):
    assert np.mean([scene.vivid.any() for scene, _ in sampled]) > 0.9


def test_rooms_vary(sampled):
    assert {scene.room_type for scene, _ in sampled} == set(ROOM_TYPES)
    assert len({tuple(scene.size) for scene, _ in sampled}) == ROOMS
    assert len({len(scene.label) for scene, _ in sampled}) > ROOMS / 3
