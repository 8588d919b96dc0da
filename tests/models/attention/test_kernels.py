import numpy as np
import pytest
from numba import njit

from fedmtl.models.attention.kernels import MARGIN, corner_shares, locate, padded, sort_by_source
from fedmtl.models.lanes import load, store, zeros


@njit
def around(x, size, index, share):
    for i in range(len(x)):
        below, beyond = locate(load(x, i, 1), size)
        store(index, i, below)
        store(share, i, beyond)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("x", "pixel", "beyond"),
    [
        (2.25, 2, 0.25),
        (2, 2, 0),
        (-0.25, -1, 0.75),
        (4.25, 4, 0.25),
        (-1.5, -2, 0.5),
        (5.5, 5, 0),
        (-1e30, -2, 0),
        (np.inf, 5, 0),
        (np.nan, 0, np.nan),
    ],
)
def test_pixels_are_found_or_their_place_in_the_margin(x, pixel, beyond, dtype):
    index, share = np.empty(1, np.int64), np.empty(1, dtype)
    around(np.array([x], dtype), 5, index, share)
    assert index[0] == pixel
    np.testing.assert_array_equal(share[0], dtype(beyond))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 4), (3, 2)])
def test_a_padded_map_has_room_for_every_corner_and_a_margin_around_each_pixel(height, width):
    stride = width + MARGIN

    def place(x, y):
        return (y + MARGIN) * stride + x + MARGIN

    pixels = {place(x, y) for x in range(width) for y in range(height)}
    # locate() gives -MARGIN … size, and the corners are there and one further on.
    corners = {(x, y) for x in range(-MARGIN, width + 2) for y in range(-MARGIN, height + 2)}
    assert min(place(*c) for c in corners) == 0
    assert max(place(*c) for c in corners) == padded(height, width) - 1
    outside = {(x, y) for x, y in corners if not (0 <= x < width and 0 <= y < height)}
    assert len(pixels) == height * width
    assert pixels.isdisjoint(place(*c) for c in outside)


def test_shares_of_the_corners_are_areas():
    @njit
    def compute(out):
        none = zeros(out, 1)
        for c, share in enumerate(corner_shares(none + 0.25, none + 0.5, none + 8)):
            store(out, c, share)

    shares = np.empty(4)
    compute(shares)
    assert shares.tolist() == [3, 1, 3, 1]


def test_slots_are_listed_by_source_rising():
    sources = np.array([[[2, 0], [2, 3], [0, 0]], [[1, 1], [1, 1], [1, 1]]])
    entries, ends = np.empty((2, 6, 2), np.int64), np.empty((2, 5), np.int64)
    sort_by_source(sources, entries, ends)
    assert ends.tolist() == [[0, 3, 3, 5, 6], [0, 0, 6, 6, 6]]
    pairs = [[0, 0], [0, 1], [1, 0], [1, 1], [2, 0], [2, 1]]
    assert entries.tolist() == [[pairs[i] for i in (1, 4, 5, 0, 2, 3)], pairs]
