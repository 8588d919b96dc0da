import itertools

import numpy as np
import pytest

from fedmtl.aggregation.order_statistics import BLOCK, _comparators, median, middle_mean, sort_columns


def rows(count, size, seed=0):
    return [row.astype(np.float32) for row in np.random.default_rng(seed).standard_normal((count, size))]


@pytest.mark.parametrize("count", range(1, 13))
def test_the_network_sorts_whatever_is_zero_or_one(count):
    """And therefore everything (Knuth's zero-one principle)."""
    every = np.array(list(itertools.product([0, 1], repeat=count)), np.float32).T
    np.testing.assert_array_equal(sort_columns(list(every.copy())), np.sort(every, axis=0))


def test_the_network_is_as_short_as_it_should_be():
    """191 comparators for 32 values are Batcher's; every pair would be 496."""
    assert len(_comparators(32)) == 191


@pytest.mark.parametrize("count", [1, 2, 3, 10, 17, 32, 100])
@pytest.mark.parametrize("size", [0, 1, BLOCK, BLOCK + 1, 2 * BLOCK + 7])
def test_the_median_is_numpys(count, size):
    given = rows(count, size)
    np.testing.assert_array_equal(
        median(given), np.median(np.array(given, np.float64), axis=0).astype(np.float32)
    )


@pytest.mark.parametrize("cut", [0, 1, 4])
def test_the_middle_is_what_is_left_of_sorted_columns(cut):
    given = rows(9, 500)
    expected = np.sort(np.array(given, np.float64), axis=0)[cut : 9 - cut].mean(axis=0)
    np.testing.assert_allclose(middle_mean(given, cut), expected, rtol=1e-6)


def test_vectors_that_came_in_are_not_written_to():
    given = rows(5, 50)
    for row in given:
        row.flags.writeable = False
    before = [row.copy() for row in given]
    median(given)
    np.testing.assert_array_equal(given, before)


def test_the_largest_values_do_not_overflow():
    largest = np.finfo(np.float32).max
    given = [np.full(3, value, np.float32) for value in (-largest, largest, largest, largest)]
    np.testing.assert_array_equal(middle_mean(given, 1), np.full(3, largest, np.float32))
    np.testing.assert_array_equal(middle_mean(given, 0), np.full(3, largest / 2, np.float32))


def test_the_median_of_many_is_near_that_of_their_distribution():
    found = median(rows(101, 2000))
    # The median of n normal values has a standard deviation of √(π / 2n), about 0.125.
    assert abs(float(np.std(found)) - (np.pi / 202) ** 0.5) < 0.01
