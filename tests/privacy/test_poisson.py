import numpy as np
import pytest

from fedmtl.privacy.poisson import poisson_sample


def test_each_is_drawn_by_itself_with_the_probability():
    draws = np.zeros((2000, 50))
    for row in draws:
        row[poisson_sample(50, 0.3)] = 1
    sizes, shares = draws.sum(axis=1), draws.mean(axis=0)
    # Binomial: 15 on average with a variance of 10.5; five standard errors.
    assert sizes.mean() == pytest.approx(15, abs=5 * (10.5 / 2000) ** 0.5)
    assert sizes.var() == pytest.approx(10.5, rel=0.2)
    assert np.abs(shares - 0.3).max() < 5 * (0.21 / 2000) ** 0.5
    assert np.abs(np.corrcoef(draws.T) - np.eye(50)).max() < 6 / 2000**0.5


def test_all_none_and_no_one():
    assert poisson_sample(7, 1.0) == list(range(7))
    assert poisson_sample(7, 0.0) == poisson_sample(0, 0.5) == []


def test_no_two_are_alike():
    first = poisson_sample(200, 0.5)
    assert poisson_sample(200, 0.5) != first
