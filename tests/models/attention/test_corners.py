import numpy as np
import pytest
from numba import njit

from fedmtl.models.attention.corners import dot_and_scatter, gather
from fedmtl.models.lanes import load, store, whole

RNG = np.random.default_rng(0)
RIGHT, BELOW, PIXELS = 1, 5, 12  # in pixels; the map is long enough for every corner of STARTS
STARTS = [0, 3, 3, 1, 5, 2, 0, 4]  # some points share pixels
TOLERANCE = {np.float32: {"rtol": 1e-5, "atol": 1e-5}, np.float64: {"rtol": 1e-13, "atol": 1e-13}}

each_size = pytest.mark.parametrize(
    ("points", "channels"), [(1, 1), (1, 32), (2, 16), (3, 3), (4, 1), (4, 32), (5, 33), (8, 4)]
)
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def corners(points):
    """The pixels of the four corners of each point, (4, points)."""
    steps = np.array((0, RIGHT, BELOW, BELOW + RIGHT))
    return steps[:, None] + np.array(STARTS[:points])


def gathering(points, channels):
    @njit
    def compute(maps, starts, shares, out):
        at = whole(load(starts, 0, points)) * channels
        fours = (
            load(shares, 0, points),
            load(shares, points, points),
            load(shares, 2 * points, points),
            load(shares, 3 * points, points),
        )
        store(out, 0, gather(maps, at, RIGHT * channels, BELOW * channels, fours, channels))

    return compute


def scattering(points, channels):
    both = 2 * channels

    @njit
    def compute(maps, starts, shares, grad, out):
        at = whole(load(starts, 0, points)) * both
        fours = (
            load(shares, 0, points),
            load(shares, points, points),
            load(shares, 2 * points, points),
            load(shares, 3 * points, points),
        )
        g = load(grad, 0, channels)
        dots = dot_and_scatter(maps, at, RIGHT * both, BELOW * both, fours, g)
        for c in range(4):
            store(out, c * points, dots[c])

    return compute


@each_size
@each_dtype
def test_gathers_the_pixels_by_their_shares(points, channels, dtype):
    maps = RNG.standard_normal((PIXELS, channels)).astype(dtype)
    shares = RNG.standard_normal((4, points)).astype(dtype)
    out = np.empty(channels, dtype)
    gathering(points, channels)(maps.ravel(), np.array(STARTS, dtype), shares.ravel(), out)
    expected = np.einsum("cp,cpd->d", shares, maps[corners(points)])
    np.testing.assert_allclose(out, expected, **TOLERANCE[dtype])


@each_size
@each_dtype
def test_products_are_those_with_the_pixels_and_gradients_grow_by_their_shares(points, channels, dtype):
    maps = RNG.standard_normal((PIXELS, 2, channels)).astype(dtype)
    before = maps.copy()
    shares = RNG.standard_normal((4, points)).astype(dtype)
    grad = RNG.standard_normal(channels).astype(dtype)
    out = np.empty((4, points), dtype)
    compute = scattering(points, channels)
    compute(maps.reshape(-1), np.array(STARTS, dtype), shares.ravel(), grad, out.reshape(-1))
    np.testing.assert_allclose(out, before[corners(points), 0] @ grad, **TOLERANCE[dtype])
    np.testing.assert_array_equal(maps[:, 0], before[:, 0])
    np.add.at(before[:, 1], corners(points), shares[..., None] * grad)
    np.testing.assert_allclose(maps[:, 1], before[:, 1], **TOLERANCE[dtype])
