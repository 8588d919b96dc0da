import numpy as np
import pytest

from fedmtl.aggregation import Update
from fedmtl.privacy.denoising import Denoised, signal_share
from fedmtl.privacy.holders import Sum


def denoised(mean, deviation):
    return np.float32(signal_share(mean, deviation)) * mean


def test_of_three_and_four_a_twenty_fifth_is_noise():
    """‖y‖² = 25 and d − 2 = 1: 1 − 1 / 25."""
    np.testing.assert_allclose(denoised(np.float32([3, 4, 0]), 1.0), [2.88, 3.84, 0], rtol=1e-6)
    np.testing.assert_allclose(denoised(np.float32([3, 4, 0]), 2.0), [2.52, 3.36, 0], rtol=1e-6)


def test_what_is_below_the_noise_is_nothing():
    assert not denoised(np.full(100, 0.9, np.float32), 1.0).any()


@pytest.mark.parametrize(
    ("mean", "deviation"), [([5.0, -3.0], 1.0), ([0.1, 0.2, 0.3], 0.0), ([0.0] * 4, 1.0)]
)
def test_two_numbers_no_noise_and_nothing_stay_as_they_are(mean, deviation):
    np.testing.assert_array_equal(denoised(np.float32(mean), deviation), np.float32(mean))


@pytest.mark.parametrize("size", [3, 10, 1000])
@pytest.mark.parametrize("signal", [0.0, 0.3, 1.0, 3.0, 30.0])
def test_it_is_nearer_to_the_mean_than_the_noisy_one_whatever_that_is(size, signal):
    """On average over noise; `signal` is the norm of the mean over that of the noise."""
    rng = np.random.default_rng(size)
    true = rng.standard_normal(size)
    true *= signal * np.sqrt(size) / np.linalg.norm(true)
    noisy = (true + rng.standard_normal((2000, size))).astype(np.float32)
    error = np.square(np.stack([denoised(one, 1.0) for one in noisy]) - true).sum(1).mean()
    assert error < np.square(noisy - true).sum(1).mean()
    # A known scale would give s² / (1 + s²) of the noise's d; what is lost for not knowing it is two numbers' worth.
    assert error / size < signal**2 / (1 + signal**2) + 2.2 / size + 0.01


class Kept:
    def __init__(self):
        self.updates = []

    def add(self, update):
        self.updates.append(update)

    def finish(self):
        return {}, {}


def test_each_sum_has_its_own_noise():
    inner = Kept()
    mean = np.float32([3, 4, 0])
    round_ = Denoised(inner, {Sum("a"): 1.0, Sum("a", "street"): 2.0, Sum("b"): 0.0})
    round_.add(Update("all", {"a": mean, "b": mean}, {"a": 3.0, "b": 2.0}))
    round_.add(Update("street", {"a": mean}, {"a": 1.0}, "street"))
    everybody, street = inner.updates
    np.testing.assert_allclose(everybody.vectors["a"], 0.96 * mean, rtol=1e-6)
    np.testing.assert_array_equal(everybody.vectors["b"], mean)
    np.testing.assert_allclose(street.vectors["a"], 0.84 * mean, rtol=1e-6)
    assert (everybody.weights, street.domain) == ({"a": 3.0, "b": 2.0}, "street")
    assert round_.signal == pytest.approx({Sum("a"): 0.96, Sum("b"): 1.0, Sum("a", "street"): 0.84})
