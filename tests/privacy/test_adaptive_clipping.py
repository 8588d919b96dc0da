import math

import numpy as np
import pytest

from fedmtl.privacy.adaptive_clipping import count_deviation, next_bound, next_bounds, sums_multiplier


def test_sums_and_counts_together_cost_what_the_sums_alone_would():
    """A client changes a sum by 1 of its bound and a count by ½: whitened and added up, it is z⁻² as before."""
    for multiplier in (0.3, 1.0, 20.0):
        spent = sums_multiplier(multiplier) ** -2 + (0.5 / count_deviation(multiplier)) ** 2
        assert spent == pytest.approx(multiplier**-2)
        assert multiplier < sums_multiplier(multiplier) < 1.03 * multiplier


def test_bounds_by_hand():
    assert next_bound(2.0, 0.5, 0.5) == 2.0
    assert next_bound(1.0, 1.0, 0.5) == pytest.approx(math.exp(-0.1))
    assert next_bound(1.0, 0.0, 0.5) == pytest.approx(math.exp(0.1))


def test_noise_moves_a_bound_no_further_than_shares_can():
    assert next_bound(1.0, 57.0, 0.5) == next_bound(1.0, 1.0, 0.5)
    assert next_bound(1.0, -57.0, 0.5) == next_bound(1.0, 0.0, 0.5)


def test_counts_are_halves_each_way_and_bounds_that_nobody_was_counted_for_stay():
    after = next_bounds({"a": 1.0, "b": 3.0}, {"a": 4 * 0.5 - 4 * 0.5}, {"a": 8.0}, 0.5)
    assert after == {"a": 1.0, "b": 3.0}
    all_within = next_bounds({"a": 1.0}, {"a": 8 * 0.5}, {"a": 8.0}, 0.5)
    assert all_within["a"] == pytest.approx(math.exp(-0.1))


@pytest.mark.parametrize("start", [0.01, 100.0])
def test_the_bound_finds_the_quantile_of_the_norms(start):
    rng = np.random.default_rng(0)
    bound, deviation = start, count_deviation(1.0)
    for _ in range(200):
        norms = rng.lognormal(0.0, 0.5, 100)
        count = np.where(norms <= bound, 0.5, -0.5).sum() + deviation * rng.standard_normal()
        bound = next_bounds({"a": bound}, {"a": count}, {"a": 100.0}, 0.7)["a"]
    assert bound == pytest.approx(math.exp(0.5 * 0.524), rel=0.15)  # the 0.7 quantile
