import numpy as np
import pytest

from fedmtl.errors import DataError
from tests.tasks.examples import make

TASK = make("human_parts")


def test_an_image_with_a_person_keeps_its_background():
    raw = np.array([[0, 0, 255, 2]], np.uint8)
    np.testing.assert_array_equal(TASK.decode(raw), raw)


@pytest.mark.parametrize("raw", [[[0, 0, 0]], [[0, 255, 0]], [[255, 255, 255]]])
def test_an_image_without_a_person_is_unlabelled(raw):
    np.testing.assert_array_equal(TASK.decode(np.array(raw, np.uint8)), [[255, 255, 255]])


def test_a_part_out_of_range_is_named():
    with pytest.raises(DataError, match="class index 3"):
        TASK.decode(np.array([[0, 3]], np.uint8))


def test_parts_weigh_twice_what_classes_do():
    assert TASK.weight == 2 * make("semseg").weight
