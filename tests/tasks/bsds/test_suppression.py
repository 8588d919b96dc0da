import numpy as np
import pytest
from scipy.ndimage import convolve1d, gaussian_filter, map_coordinates

from fedmtl.tasks.bsds.suppression import suppress


def by_definition(strength):
    height, width = strength.shape
    weights = np.array([1, 2, 3, 4, 5, 4, 3, 2, 1]) / 25
    smooth = convolve1d(convolve1d(strength, weights, 0, mode="reflect"), weights, 1, mode="reflect")
    dy, dx = np.gradient(smooth)
    dxy, dxx = np.gradient(dx)
    dyy = np.gradient(dy)[0]
    theta = np.mod(np.arctan(dyy * np.sign(-dxy) / (dxx + 1e-5)), np.pi)
    y, x = np.mgrid[:height, :width]
    ridge = strength.copy()
    for d in (-1, 1):
        across = map_coordinates(
            strength, [y + d * np.sin(theta), x + d * np.cos(theta)], order=1, mode="nearest"
        )
        ridge[1.01 * strength < across] = 0
    for i in range(5):
        ridge[i], ridge[-1 - i] = i / 5 * ridge[i], i / 5 * ridge[-1 - i]
        ridge[:, i], ridge[:, -1 - i] = i / 5 * ridge[:, i], i / 5 * ridge[:, -1 - i]
    return ridge


@pytest.mark.parametrize("seed", range(4))
def test_it_equals_the_definition(seed):
    rng = np.random.default_rng(seed)
    strength = np.clip(0.5 + 2 * gaussian_filter(rng.standard_normal((40, 53)), 1.5), 0, 1)
    kept = suppress(strength)
    np.testing.assert_allclose(kept, by_definition(strength), atol=1e-12)
    assert 0.02 < (kept > 0).mean() < 0.5


@pytest.mark.parametrize("turned", [lambda m: m, np.transpose], ids=["vertical", "horizontal"])
def test_of_a_straight_boundary_the_middle_stays(turned):
    profile = np.exp(-((np.arange(41) - 20) ** 2) / 8)
    kept = turned(suppress(turned(np.tile(profile, (41, 1)))))
    assert (kept[6:-6, 20] == 1).all()
    assert np.delete(kept, 20, axis=1).max() < 1e-9


def test_of_a_diagonal_boundary_the_middle_stays():
    y, x = np.mgrid[:41, :41]
    kept = suppress(np.exp(-((y - x) ** 2) / 16))[6:-6, 6:-6]
    np.testing.assert_array_equal(kept, np.eye(29))


def test_towards_the_frame_it_fades():
    kept = suppress(np.ones((20, 30)))
    np.testing.assert_allclose(kept[10], [0, 0.2, 0.4, 0.6, 0.8, *[1] * 20, 0.8, 0.6, 0.4, 0.2, 0])
    assert kept[1, 1] == pytest.approx(0.04)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (3, 1), (2, 3)])
def test_it_takes_the_smallest_images(size):
    kept = suppress(np.full(size, 0.5))
    assert kept.shape == size
    assert np.isfinite(kept).all()
