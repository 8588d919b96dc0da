import numpy as np
import pytest
import torch

from fedmtl.errors import DataError
from fedmtl.tasks.euler import angles_of, rotation
from fedmtl.tasks.room_layout import DEVIATION, MEAN
from tests.tasks.examples import make

TASK = make("room_layout")
LABEL = np.array([-0.98, 0.1, -2.67, 1.475, -0.04, -1.383, 4.86, 5.29, 2.46], np.float32)
CORNERS = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)]) / 2


def corners(label):
    """The box's corners as the camera sees them, (8, 3), sorted."""
    found = label[:3] + (CORNERS * label[6:]) @ rotation(label[3:6])
    return found[np.lexsort(found.round(3).T)]


def test_angles_invert_a_rotation():
    for angles in np.random.default_rng(0).uniform(-1.5, 1.5, (5, 3)):
        np.testing.assert_allclose(angles_of(rotation(angles)), angles)


def test_a_mirrored_room_has_its_corners_on_the_other_side():
    mirrored = corners(LABEL) * [-1, 1, 1]
    np.testing.assert_allclose(
        corners(TASK.flip(LABEL)), mirrored[np.lexsort(mirrored.round(3).T)], atol=1e-5
    )
    expected = LABEL * np.float32([-1, 1, 1, 1, -1, 1, 1, 1, 1])
    expected[5] = -np.pi - LABEL[5]
    np.testing.assert_allclose(TASK.flip(LABEL), expected, atol=1e-6)


def test_a_turned_image_turns_the_corners():
    turned = corners(LABEL) @ rotation(np.array([0, 0, np.pi / 6])).T
    np.testing.assert_allclose(
        corners(TASK.rotate(LABEL, 30)), turned[np.lexsort(turned.round(3).T)], atol=1e-5
    )


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        (2, np.nan, "some of its nine numbers are not finite, or missing"),
        (0, np.inf, "some of its nine numbers are not finite, or missing"),
        (7, 0.0, "a room's side is 0 m, not above 0"),
    ],
)
def test_what_is_no_box_is_refused(column, value, message):
    wrong = LABEL.astype(float)
    wrong[column] = value
    with pytest.raises(DataError, match=message):
        TASK.decode(wrong)


def test_metres_and_radians_weigh_alike():
    target = torch.from_numpy(LABEL)[None]
    ideal = (target - torch.tensor(MEAN)) / torch.tensor(DEVIATION)
    for column in range(9):
        off = ideal.clone()
        off[0, column] += 0.5
        assert TASK.loss(off, target).item() == pytest.approx(0.125 / 9, rel=1e-3)
        assert TASK.metrics(TASK.statistics(off, target))["error"] == pytest.approx(0.5 / 3, rel=1e-3)


def test_metrics_by_hand():
    target = torch.from_numpy(LABEL)[None]
    shifted = LABEL + np.float32([0.3, 0, 0.4, 0, 0, np.radians(20), 0.3, -0.6, 0])
    output = (torch.from_numpy(shifted)[None] - torch.tensor(MEAN)) / torch.tensor(DEVIATION)
    metrics = TASK.metrics(TASK.statistics(output, target))
    assert metrics["centre"] == pytest.approx(0.5, rel=1e-4)
    assert metrics["size"] == pytest.approx(0.3, rel=1e-4)
    assert metrics["turn"] == pytest.approx(20, rel=1e-4)  # about the vertical alone
    np.testing.assert_allclose(TASK.predict(output[0]), shifted, rtol=1e-4)


def test_the_turn_is_the_angle_of_the_one_rotation_between_both():
    rng = np.random.default_rng(0)
    for one, other in rng.uniform(-1.5, 1.5, (5, 2, 3)):
        a, b = (np.concatenate([LABEL[:3], angles, LABEL[6:]]).astype(np.float32) for angles in (one, other))
        output = (torch.from_numpy(b)[None] - torch.tensor(MEAN)) / torch.tensor(DEVIATION)
        found = TASK.metrics(TASK.statistics(output, torch.from_numpy(a)[None]))["turn"]
        trace = np.trace(rotation(one).T @ rotation(other))
        assert found == pytest.approx(np.degrees(np.arccos((trace - 1) / 2)), abs=0.01)


def test_words_are_sides_and_distance():
    assert TASK.words(LABEL) == "4.9 × 5.3 × 2.5 m, middle 2.8 m away"
    assert TASK.words(np.full(9, np.nan)) == "unlabelled"
