import numpy as np
import pytest

from fedmtl.errors import DataError
from fedmtl.tasks import TaskSpec, build_task
from fedmtl.tasks.human_parts import lone_sides, mirrored_classes
from tests.tasks.examples import make

TASK = make("human_parts")


def test_an_image_with_a_person_keeps_its_background():
    raw = np.array([[0, 0, 255, 2]], np.uint8)
    np.testing.assert_array_equal(TASK.decode(raw), raw)


@pytest.mark.parametrize("raw", [[[0, 0, 0]], [[0, 255, 0]], [[255, 255, 255]]])
def test_an_image_without_a_person_is_unlabelled(raw):
    np.testing.assert_array_equal(TASK.decode(np.array(raw, np.uint8)), [[255, 255, 255]])


def test_a_crop_without_a_person_is_unlabelled():
    image = np.zeros((3, 1, 3), np.float32)
    with_one, without = np.array([[0, 1, 0]], np.uint8), np.array([[0, 255, 0]], np.uint8)
    np.testing.assert_array_equal(TASK.seen(with_one, image), with_one)
    np.testing.assert_array_equal(TASK.seen(without, image), [[255, 255, 255]])


def test_a_part_out_of_range_is_named():
    with pytest.raises(DataError, match="class index 3"):
        TASK.decode(np.array([[0, 3]], np.uint8))


def test_parts_weigh_twice_what_classes_do():
    assert TASK.weight == 2 * make("semseg").weight


def test_a_mirrored_left_hand_is_a_right_one():
    parts = build_task(
        TaskSpec("parts", "human_parts", ("background", "Left_hand", "torso", "Right_hand", "right leg"))
    )
    label = np.array([[0, 1, 2, 3, 4, 255]], np.uint8)
    # There is no left leg, so the right one stays.
    np.testing.assert_array_equal(parts.flip(label), [[255, 4, 1, 2, 3, 0]])


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("left arm", "right arm"),
        ("LeftArm", "RightArm"),
        ("leftArm", "rightArm"),
        ("upperLeftArm", "upperRightArm"),
        ("LEFT_ARM", "RIGHT_ARM"),
        ("armLeft2", "armRight2"),
        ("l_arm", "r_arm"),
        ("arm_l", "arm_r"),
        ("arm-L", "arm-R"),
        ("LArm", "RArm"),
        ("lArm", "rArm"),
        ("larm", "rarm"),
    ],
)
def test_sides_are_told_by_words_capitals_and_letters(left, right):
    classes = ("background", left, "torso", right)
    mirrored = mirrored_classes(classes)
    assert mirrored is not None, classes
    np.testing.assert_array_equal(mirrored[:5], [0, 3, 2, 1, 4])
    assert lone_sides(classes) == []


@pytest.mark.parametrize(
    ("name", "other"), [("left arm", "right arm"), ("RightArm", "LeftArm"), ("arm_l", "arm_r")]
)
def test_a_side_alone_stays_and_is_told(name, other):
    classes = ("background", name, "torso")
    assert mirrored_classes(classes) is None
    assert lone_sides(classes) == [(name, other)]


def test_classes_without_sides_are_only_mirrored():
    without = ("background", "head", "upright", "leftover", "leg", "light", "right")
    assert mirrored_classes(without) is None  # light and right are no pair
    assert lone_sides(without) == [("right", "left")]
    parts = build_task(TaskSpec("parts", "human_parts", ("background", "arm", "leg")))
    np.testing.assert_array_equal(parts.flip(np.array([[0, 1, 2]], np.uint8)), [[2, 1, 0]])
