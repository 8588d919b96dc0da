import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, label

from fedmtl.tasks.bsds.thinning import thin

EIGHT = np.ones((3, 3))


def blobs(seed, size=(24, 31)):
    rng = np.random.default_rng(seed)
    return gaussian_filter(rng.standard_normal(size), rng.uniform(0, 2.5)) > rng.uniform(-0.1, 0.1)


def by_definition(lines):
    """Every pixel looked at in every turn, with the conditions as MATLAB's manual of bwmorph states them."""
    lines = np.pad(lines, 1)
    while True:
        before = lines.copy()
        for turn in (1, 2):
            lines = lines & ~np.array(
                [[goes(lines, y, x, turn) for x in range(lines.shape[1])] for y in range(lines.shape[0])]
            )
        if (lines == before).all():
            return lines[1:-1, 1:-1]


def goes(lines, y, x, turn):
    if not lines[y, x]:
        return False
    steps = [(0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1)]
    x1, x2, x3, x4, x5, x6, x7, x8 = ring = [bool(lines[y + down, x + right]) for down, right in steps]
    ring = [*ring, x1]
    crossings = sum(not ring[i] and (ring[i + 1] or ring[i + 2]) for i in (0, 2, 4, 6))
    pairs = min(
        sum(ring[i] or ring[i + 1] for i in (0, 2, 4, 6)), sum(ring[i] or ring[i + 1] for i in (1, 3, 5, 7))
    )
    side = (x2 or x3 or not x8) and x1 if turn == 1 else (x6 or x7 or not x4) and x5
    return crossings == 1 and 2 <= pairs <= 3 and not side


@pytest.mark.parametrize("seed", range(6))
def test_it_takes_the_pixels_of_the_definition(seed):
    lines = blobs(seed)
    np.testing.assert_array_equal(thin(lines), by_definition(lines))


@pytest.mark.parametrize("seed", range(20))
def test_what_is_connected_or_enclosed_stays_so_and_thin_lines_stay(seed):
    lines = blobs(seed, (60, 80))
    thinned = thin(lines)
    assert not (thinned & ~lines).any()
    assert label(thinned, EIGHT)[1] == label(lines, EIGHT)[1]
    assert (
        label(np.pad(~thinned, 1, constant_values=True))[1]
        == label(np.pad(~lines, 1, constant_values=True))[1]
    )
    np.testing.assert_array_equal(thin(thinned), thinned)


def test_a_bar_becomes_a_line():
    lines = np.zeros((20, 40), bool)
    lines[6:11, 5:35] = True
    thinned = thin(lines)
    assert thinned.sum(0).max() == 1
    assert 24 <= thinned.sum() <= 30


def test_the_argument_stays_as_it_is_and_an_empty_map_empty():
    lines = np.ones((5, 5), bool)
    assert thin(lines).sum() < 25
    assert lines.all()
    assert not thin(np.zeros((4, 4), bool)).any()
