import numpy as np
import pytest

from tests.data.rendering.scenes import camera


def test_axes_are_right_down_forward():
    np.testing.assert_allclose(camera().rotation, [[1, 0, 0], [0, 0, -1], [0, 1, 0]], atol=1e-12)


@pytest.mark.parametrize("roll", [0.0, 0.3])
def test_the_rotation_is_one(roll):
    rotation = camera(target=(3.5, 4.0, 0.2), roll=roll).rotation
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1.0)


def test_the_target_is_in_the_centre():
    looking = camera(target=(3.5, 4.0, 0.2), roll=0.1, distortion=0.2)
    ray = looking.rays(np.array([48.0]), np.array([64.0]), (96, 128))[0]
    towards = np.array([3.5, 4.0, 0.2]) - looking.position
    assert ray == pytest.approx(towards / np.linalg.norm(towards))


def test_rays_have_unit_length_along_the_axis():
    rng = np.random.default_rng(0)
    looking = camera(target=(3.5, 4.0, 0.2), distortion=0.1)
    rays = looking.rays(rng.uniform(0, 96, 50), rng.uniform(0, 128, 50), (96, 128))
    np.testing.assert_allclose(rays @ looking.rotation[2], 1.0)


def test_focal_length_and_distortion_in_numbers():
    # The middle of the right border: x = 64 / (0.8 · 128) = 0.625.
    ray = camera(distortion=0.2).rays(np.array([48.0]), np.array([128.0]), (96, 128))[0]
    assert ray == pytest.approx([0.625 * (1 + 0.2 * 0.625**2), 1.0, 0.0])


def test_a_roll_to_the_right_turns_the_world_to_the_left():
    right, down, _ = camera(roll=0.2).rotation
    assert right[2] < 0
    assert down[0] < 0
