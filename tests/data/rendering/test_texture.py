import math

import numpy as np
import pytest

from fedmtl.data.rendering.material import Material, Texture
from fedmtl.data.rendering.texture import albedo

BLACK, WHITE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
STILL = np.array([[0.0, 0.0, 0.0, 1.0, 0.0]])


def shares(texture, points, frame=STILL, scale=1.0, phase=0.0):
    """How much of the second colour each point shows."""
    row = np.array([Material(BLACK, WHITE, texture, scale, phase).row])
    points = np.asarray(points, dtype=float)
    return albedo(row, frame, np.zeros(len(points), dtype=np.int64), points)[:, 0]


def cloud(count=2000):
    return np.random.default_rng(0).uniform(-5, 5, size=(count, 3))


def test_plain_is_the_first_colour():
    assert np.all(shares(Texture.plain, cloud()) == 0)


def test_checker_is_the_parity_of_cells():
    points = cloud()
    np.testing.assert_array_equal(shares(Texture.checker, points), np.floor(points).sum(axis=1) % 2)


def test_stripes_repeat_after_one_period():
    points = cloud()
    stripes = shares(Texture.stripes, points)
    np.testing.assert_array_equal(stripes, np.floor(2 * (points[:, 0] + points[:, 1])) % 2)
    np.testing.assert_array_equal(stripes, shares(Texture.stripes, points + np.array([1.0, 0.0, 3.3])))


def test_scale_is_the_period_and_phase_shifts():
    points = cloud()
    expected = np.floor(points / 0.5 + 0.25).sum(axis=1) % 2
    np.testing.assert_array_equal(shares(Texture.checker, points, scale=0.5, phase=0.25), expected)


def test_tiles_have_joints_of_the_second_colour():
    assert shares(Texture.tiles, [(0.01, 0.5, 0.5), (0.5, 3.02, 0.5)]).tolist() == [1.0, 1.0]
    assert np.all(shares(Texture.tiles, [(0.5, 0.5, 0.5), (7.5, 0.2, 0.9)]) <= 0.25)


@pytest.mark.parametrize("texture", [Texture.wood, Texture.mottled, Texture.tiles])
def test_random_textures_vary_within_range(texture):
    drawn = shares(texture, cloud())
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    assert drawn.std() > 0.05


def test_mottled_is_continuous():
    points = cloud()
    step = shares(Texture.mottled, points + 1e-4) - shares(Texture.mottled, points)
    assert np.abs(step).max() < 1e-2


def test_a_texture_moves_and_turns_with_its_surface():
    points = cloud()
    cos, sin = math.cos(0.7), math.sin(0.7)
    turn = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    frame = np.array([[1.0, -2.0, 0.5, cos, sin]])
    moved = shares(Texture.mottled, points @ turn.T + frame[0, :3], frame)
    np.testing.assert_allclose(moved, shares(Texture.mottled, points), atol=1e-9)


def test_colours_are_mixed_per_band():
    row = np.array([Material((0.2, 0.4, 0.6), (0.8, 0.6, 0.4), Texture.checker, 1.0, 0.0).row])
    points = np.array([[0.5, 0.5, 0.5], [1.5, 0.5, 0.5]])
    colours = albedo(row, STILL, np.zeros(2, dtype=np.int64), points)
    assert colours == pytest.approx(np.array([[0.2, 0.4, 0.6], [0.8, 0.6, 0.4]]))
