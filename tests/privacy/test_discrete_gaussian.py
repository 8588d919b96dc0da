import math

import numpy as np
import pytest
from scipy.stats import chisquare

from fedmtl.privacy import discrete_gaussian as module
from fedmtl.privacy.discrete_gaussian import LARGEST_SCALE, RESERVE, discrete_gaussian

SIZE = 200_000


def probabilities(scale):
    """The values that matter, and P(x) ∝ exp(−x²/2s²) of each."""
    values = np.arange(-12 * scale - 12, 12 * scale + 13)
    weights = np.exp(-(values.astype(float) ** 2) / (2 * scale**2))
    return values, weights / weights.sum()


def fit(drawn, values, expected):
    """The p-value of a chi-square test; what is expected less than ten times counts together at each end."""
    often = np.flatnonzero(expected * drawn.size >= 10)
    low, high = values[often[0]], values[often[-1]]
    counts = np.bincount(np.clip(drawn, low - 1, high + 1) - (low - 1), minlength=often.size + 2)
    below, above = expected[values < low].sum(), expected[values > high].sum()
    return chisquare(counts, drawn.size * np.array([below, *expected[often], above])).pvalue


@pytest.mark.parametrize("scale", [1, 2, 3, 10, 57])
def test_values_have_their_probabilities(scale):
    assert fit(discrete_gaussian(SIZE, scale), *probabilities(scale)) > 1e-6


def test_the_test_can_tell_a_scale_from_another_that_is_a_fiftieth_off():
    drawn = np.rint(np.random.default_rng(0).normal(0, 57 * 1.02, SIZE)).astype(np.int64)
    assert fit(drawn, *probabilities(57)) < 1e-6


@pytest.mark.parametrize("scale", [1 << 20, LARGEST_SCALE])
def test_large_scales(scale):
    drawn = discrete_gaussian(SIZE, scale) / scale
    assert abs(drawn.mean()) < 6 / math.sqrt(SIZE)
    assert abs(drawn.std() - 1) < 6 / math.sqrt(2 * SIZE)


def test_a_sum_of_values_is_as_wide_as_is_accounted():
    scale, clients = 40, 9
    total = sum(discrete_gaussian(SIZE, scale) for _ in range(clients))
    assert abs(total.std() / (scale * 3) - 1) < 6 / math.sqrt(2 * SIZE)


@pytest.mark.parametrize("size", [0, 1, 100_000])
def test_any_number_of_values(size):
    assert discrete_gaussian(size, 5).shape == (size,)


@pytest.mark.parametrize("scale", [0, LARGEST_SCALE + 1])
def test_scales_that_cannot_be_drawn_exactly_are_refused(scale):
    with pytest.raises(ValueError, match="from 1 to"):
        discrete_gaussian(1, scale)


def test_numbers_below_a_bound_are_equally_likely_although_words_do_not_divide_by_it():
    """2⁶⁴ − 1 leaves a remainder by 3·2⁶²: its words above the last whole range are passed over."""
    words = np.array([2**64 - 1, 3 * 2**61, 5], np.uint64)
    bound = 3 * 2**61
    assert module._below(words, 0, bound) == (0, 2)


@pytest.mark.parametrize(("above", "below"), [(0, 1), (1, 3), (1, 2), (1, 1)])
def test_coins_fall_as_often_as_the_exponential_says(above, below):
    words = module.Keystream().words(400_000)
    at, heads, tosses = 0, 0, 0
    while at < words.size - RESERVE:
        one, at = module._coin(words, at, above, below)
        heads, tosses = heads + one, tosses + 1
    expected = math.exp(-above / below)
    assert abs(heads / tosses - expected) < 6 * math.sqrt(expected * (1 - expected) / tosses) + 1e-12


@pytest.mark.parametrize(("times", "rest", "scale"), [(0, 1, 2), (1, 0, 3), (1, 2, 3), (2, 1, 4)])
def test_squares_are_kept_as_often_as_the_exponential_says(times, rest, scale):
    words = module.Keystream().words(600_000)
    at, heads, tosses = 0, 0, 0
    while at < words.size - RESERVE:
        one, at = module._keeps(words, at, times, rest, scale)
        heads, tosses = heads + one, tosses + 1
    expected = math.exp(-((times + rest / scale) ** 2) / 2)
    assert abs(heads / tosses - expected) < 6 * math.sqrt(expected * (1 - expected) / tosses)
