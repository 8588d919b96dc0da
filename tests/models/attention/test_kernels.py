import numpy as np
import pytest

from fedmtl.models.attention.kernels import neighbours, sort_by_source


def around(x, size, dtype=np.float64):
    return neighbours(dtype(x), dtype(size), dtype(1))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_between_two_pixels_their_shares_add_to_one(dtype):
    assert around(2.25, 5, dtype) == (2, 3, 0.75, 0.25, -1, 1)
    assert around(2, 5, dtype) == (2, 3, 1, 0, -1, 1)


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (-0.25, (0, 0, 0, 0.75, 0, 1)),
        (4.25, (4, 4, 0.75, 0, -1, 0)),
        (-1.5, (0, 0, 0, 0, 0, 0)),
        (5.5, (4, 4, 0, 0, 0, 0)),
        (-1e30, (0, 0, 0, 0, 0, 0)),
        (np.inf, (4, 4, 0, 0, 0, 0)),
    ],
)
def test_outside_there_is_nothing(x, expected):
    assert around(x, 5) == expected


def test_not_a_number_has_an_index_and_shows():
    below, above, share, *_ = around(np.nan, 5)
    assert (below, above) == (0, 0)
    assert np.isnan(share)


def test_slots_are_listed_by_source_rising():
    sources = np.array([[[2, 0], [2, 3], [0, 0]], [[1, 1], [1, 1], [1, 1]]])
    entries, ends = np.empty((2, 6, 2), np.int64), np.empty((2, 5), np.int64)
    sort_by_source(sources, entries, ends)
    assert ends.tolist() == [[0, 3, 3, 5, 6], [0, 0, 6, 6, 6]]
    pairs = [[0, 0], [0, 1], [1, 0], [1, 1], [2, 0], [2, 1]]
    assert entries.tolist() == [[pairs[i] for i in (1, 4, 5, 0, 2, 3)], pairs]
