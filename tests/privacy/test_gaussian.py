import numpy as np
import pytest
from scipy.stats import kstest

from fedmtl.privacy import gaussian
from fedmtl.privacy.gaussian import CHUNK, GRID, add_noise, for_rounding, standard_normal


def test_values_are_standard_normal():
    values = standard_normal(200_000)
    assert kstest(values, "norm").pvalue > 1e-6
    for lag in (1, CHUNK // 2, CHUNK):  # neighbours, the two of a pair, and those of two chunks
        assert abs(np.corrcoef(values[:-lag], values[lag:])[0, 1]) < 0.02


@pytest.mark.parametrize("size", [0, 1, 2, 3, CHUNK - 1, CHUNK, CHUNK + 1])
def test_any_number_of_values(size):
    values = standard_normal(size)
    assert values.shape == (size,)
    assert np.isfinite(values).all()


def test_every_call_is_anew():
    assert not np.intersect1d(standard_normal(1000), standard_normal(1000)).size


def test_values_lie_on_a_grid_so_that_they_tell_nothing_of_how_they_were_made():
    np.testing.assert_array_equal(np.mod(standard_normal(10_000), GRID), 0)


def test_the_smallest_and_the_largest_word_give_finite_values(monkeypatch):
    class Extreme:
        def words(self, count):
            return np.tile(np.array([0, 2**64 - 1], np.uint64), count // 2)

    monkeypatch.setattr(gaussian, "Keystream", Extreme)
    values = standard_normal(4)
    assert np.isfinite(values).all()
    assert np.abs(values).max() < 9.5


@pytest.mark.parametrize("deviation", [0.3, 1e-6, 1e4])
@pytest.mark.parametrize("total", [0.0, 1 / 3, -1e-11, 1e5])
def test_a_noised_sum_is_on_the_grid_whatever_it_was(total, deviation):
    """Were it not rounded as well, what is left of it beside the grid would tell it, however wide the noise."""
    noised = np.full(10_000, total)
    add_noise(noised, deviation)
    units = noised / (deviation * GRID)
    np.testing.assert_allclose(units, np.rint(units), rtol=1e-15, atol=0)
    assert noised.mean() == pytest.approx(total, abs=7 * deviation / 100)
    assert noised.std() == pytest.approx(deviation, rel=0.05)


@pytest.mark.parametrize("multiplier", [0.5, 1.0, 30.0])
def test_the_noise_is_wider_by_what_rounding_moves_neighbours_apart(multiplier):
    """Values halfway between points of the grid, of which one neighbour's are rounded up and the other's down."""
    size, clip = 40_000, 1.0
    wider = for_rounding(multiplier, size)
    deviation = multiplier * clip * wider
    unit = deviation * GRID
    low = np.full(size, 0.4999 * unit)
    high = low + clip / size**0.5
    for total in (low, high):
        add_noise(total, deviation, np.zeros)
    assert np.linalg.norm(high - low) / deviation <= 1 / multiplier
    assert 1 < wider < 1.0001
