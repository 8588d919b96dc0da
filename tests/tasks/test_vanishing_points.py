import numpy as np
import pytest
import torch

from fedmtl.errors import DataError
from fedmtl.tasks.euler import rotation
from tests.tasks.examples import make

TASK = make("vanishing_points")
AHEAD = np.float32([0, 0, 1, 1, 0, 0, 0, 1, 0])
"""Of a camera that looks along an axis."""


def turned_by(degrees, axis):
    """The axes as a camera sees them after a turn of the world about one of its own axes, (9,)."""
    angles = np.zeros(3)
    angles[axis] = np.radians(degrees)
    return (AHEAD.reshape(3, 3) @ rotation(angles).T).ravel().astype(np.float32)


def test_only_three_perpendicular_directions_are_a_label():
    np.testing.assert_array_equal(TASK.decode(AHEAD.astype(float)), AHEAD)
    assert np.isnan(TASK.decode(np.full(9, np.nan))).all()
    for wrong in (np.ones(9), np.zeros(9), np.where(np.arange(9) == 4, np.nan, AHEAD)):
        with pytest.raises(DataError, match="its nine numbers are not three perpendicular directions"):
            TASK.decode(wrong)


def test_a_mirrored_camera_looks_as_far_to_the_other_side():
    np.testing.assert_array_equal(TASK.flip(AHEAD), AHEAD)
    np.testing.assert_allclose(TASK.flip(turned_by(30, 1)), turned_by(-30, 1), atol=1e-6)  # to a side
    np.testing.assert_allclose(TASK.flip(turned_by(20, 0)), turned_by(20, 0), atol=1e-6)  # up or down
    np.testing.assert_allclose(TASK.flip(turned_by(10, 2)), turned_by(-10, 2), atol=1e-6)  # tilted


def test_a_mirrored_label_is_of_the_same_kind():
    label = (AHEAD.reshape(3, 3) @ rotation(np.array([0.2, 0.5, 0.1])).T).ravel()
    mirrored = TASK.flip(label).reshape(3, 3)
    np.testing.assert_allclose(mirrored @ mirrored.T, np.eye(3), atol=1e-6)
    np.testing.assert_allclose(np.cross(mirrored[2], mirrored[0]), mirrored[1], atol=1e-6)
    # As pixels do, every line's vanishing point x/z, y/z changes its side; the sign of a direction means nothing.
    before = label.reshape(3, 3)
    np.testing.assert_allclose(mirrored[:, 0] * before[:, 2], -before[:, 0] * mirrored[:, 2], atol=1e-6)
    np.testing.assert_allclose(mirrored[:, 1] * before[:, 2], before[:, 1] * mirrored[:, 2], atol=1e-6)


def test_turning_an_image_turns_what_is_up_to_the_left():
    np.testing.assert_allclose(TASK.rotate(AHEAD, 90), [0, 0, 1, 0, 1, 0, -1, 0, 0], atol=1e-6)


def test_the_angle_is_the_mean_over_axes():
    target = torch.from_numpy(np.stack([AHEAD, turned_by(30, 1), np.full(9, np.nan, np.float32)]))
    output = 5 * torch.from_numpy(np.stack([turned_by(12, 1), turned_by(30, 1), AHEAD]))  # of any length
    metrics = TASK.metrics(TASK.statistics(output, target))
    assert metrics["angle"] == pytest.approx((12 + 0 + 12) / 6, abs=1e-4)
    assert TASK.loss(torch.from_numpy(AHEAD)[None] + 0.5, torch.from_numpy(AHEAD)[None]) == pytest.approx(
        0.125
    )


def test_a_prediction_has_unit_length():
    np.testing.assert_allclose(
        TASK.predict(torch.from_numpy(7 * turned_by(30, 0))), turned_by(30, 0), atol=1e-6
    )


def test_words_say_how_the_camera_looks():
    assert TASK.words(AHEAD) == "pitch -0°, yaw +0°, roll +0°"
    assert TASK.words(turned_by(20, 0)) == "pitch -20°, yaw +0°, roll +0°"
    assert TASK.words(turned_by(30, 1)) == "pitch -0°, yaw +30°, roll +0°"
    assert TASK.words(np.full(9, np.nan)) == "unlabelled"
