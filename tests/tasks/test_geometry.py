import numpy as np
import pytest

from fedmtl.tasks.geometry import keep_lines, nearest, turn

RESIZERS = (nearest, keep_lines)
SIZES = [(12, 16), (6, 8), (5, 7), (24, 9), (30, 40), (1, 1)]


@pytest.mark.parametrize("resize", RESIZERS)
@pytest.mark.parametrize("size", SIZES)
def test_size_and_dtype(resize, size):
    label = np.arange(12 * 16, dtype=np.int16).reshape(12, 16)
    assert resize(label, size).shape == size
    assert resize(label, size).dtype == np.int16


@pytest.mark.parametrize("resize", RESIZERS)
def test_the_same_size_changes_nothing(resize):
    label = np.random.default_rng(0).integers(0, 255, (7, 9))
    np.testing.assert_array_equal(resize(label, (7, 9)), label)


@pytest.mark.parametrize("resize", RESIZERS)
def test_twice_the_size_repeats_every_pixel(resize):
    label = np.array([[1, 2], [3, 4]])
    np.testing.assert_array_equal(resize(label, (4, 4)), label.repeat(2, 0).repeat(2, 1))


@pytest.mark.parametrize("resize", RESIZERS)
@pytest.mark.parametrize("size", [(4, 5), (36, 45)])
def test_resizing_commutes_with_a_flip(resize, size):
    label = np.random.default_rng(0).integers(0, 255, (12, 15))
    np.testing.assert_array_equal(resize(label[:, ::-1], size), resize(label, size)[:, ::-1])


def test_nearest_takes_the_pixel_under_the_centre():
    # Three pixels over eight: centres at 8/6, 24/6 and 40/6.
    np.testing.assert_array_equal(nearest(np.arange(8)[None], (1, 3)), [[1, 4, 6]])


def test_nearest_keeps_vectors_whole():
    label = np.random.default_rng(0).standard_normal((12, 16, 3))
    np.testing.assert_array_equal(nearest(label, (6, 8))[:, :, 1], nearest(label[:, :, 1], (6, 8)))


@pytest.mark.parametrize("size", [(6, 8), (5, 7), (3, 16)])
def test_keep_lines_is_the_largest_of_the_pixels_covered(size):
    label = np.random.default_rng(0).integers(-1, 255, (12, 16))
    expected = np.full(size, -1)
    for y in range(12):
        for x in range(16):
            # Pixel i of the small map covers the source pixels from floor(i · old / new) on.
            i = max(i for i in range(size[0]) if i * 12 // size[0] <= y)
            j = max(j for j in range(size[1]) if j * 16 // size[1] <= x)
            expected[i, j] = max(expected[i, j], label[y, x])
    np.testing.assert_array_equal(keep_lines(label, size), expected)


@pytest.mark.parametrize("position", range(16))
def test_keep_lines_keeps_a_line_of_one_pixel_as_one(position):
    label = np.zeros((12, 16), np.int16)
    label[:, position] = 255
    assert ((keep_lines(label, (7, 5)) == 255).sum(axis=1) == 1).all()


NOTHING = np.full((4, 4), -1)


@pytest.mark.parametrize("quarters", [-3, -2, -1, 0, 1, 2, 3, 4])
def test_a_square_turned_by_right_angles_loses_nothing(quarters):
    label = np.random.default_rng(0).integers(0, 255, (4, 4))
    np.testing.assert_array_equal(turn(label, 90 * quarters, NOTHING), np.rot90(label, quarters))


def test_what_was_outside_is_of_the_other_map():
    # A row that is made upright keeps its middle pixel.
    label = np.array([[1, 2, 3]], np.int16)
    turned = turn(label, 90, np.array([[7, 8, 9]], np.int16))
    np.testing.assert_array_equal(turned, [[7, 2, 9]])
    assert turned.dtype == np.int16


def test_a_turned_pixel_comes_from_under_its_centre():
    # The right neighbour of the middle of 3×3 goes from (1, 0) to (cos, −sin); at 40 degrees that is (0.77, −0.64).
    label = np.zeros((3, 3), np.uint8)
    label[1, 2] = 1
    np.testing.assert_array_equal(turn(label, 40, label * 0), [[0, 0, 1], [0, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(turn(label, 20, label * 0), label)


def test_turning_there_and_back_keeps_the_middle():
    label = np.arange(40)[:, None] // 8 * np.ones(40, int)  # broad stripes
    again = turn(turn(label, 17, label * 0), -17, label * 0)
    assert (again == label)[10:30, 10:30].mean() > 0.9
