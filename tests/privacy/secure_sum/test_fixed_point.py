import numpy as np
import pytest

from fedmtl.errors import ExchangeError
from fedmtl.privacy.secure_sum.fixed_point import Means, Statistics, Weighted

NAMES = tuple("abcde")


def means(holders=5, largest_change=8.0, largest_weight=100.0, margin=0.0):
    return Means(holders, largest_change, largest_weight, margin)


def add(form, *parts):
    with np.errstate(over="ignore"):
        total = sum((form.encode("g", part) for part in parts[1:]), form.encode("g", parts[0]))
    return form.decode(total, NAMES[: len(parts)])


@pytest.mark.parametrize("holders", [1, 3, 5, 7, 100, 255])
@pytest.mark.parametrize("largest", [1e-3, 8.0, 1.7e5])
@pytest.mark.parametrize("sign", [-1, 1])
def test_the_largest_values_of_all_holders_do_not_overflow(holders, largest, sign):
    """Every holder has the largest weight and the largest change, all of one sign; float32 rounds 0.001 up."""
    form = means(holders, largest)
    result = add(form, *[Weighted(100.0, np.full(3, sign * largest, np.float32))] * holders)
    np.testing.assert_allclose(result.mean, sign * largest, rtol=1e-5)
    np.testing.assert_allclose(result.weight, 100.0 * holders, rtol=1e-6)


def test_there_is_no_room_left_that_one_more_holder_would_fit_into():
    """The bound is tight: the scale of n holders overflows with n + 1."""
    form = means(3)
    part = Weighted(100.0, np.full(1, 8.0, np.float32))
    assert add(form, *[part] * 3).mean == pytest.approx([8.0])
    assert add(form, *[part] * 4).mean[0] < 0


def test_a_margin_is_room_for_noise():
    form = means(4, margin=2.0)
    noise = np.uint32(int(2.0 * form.scale))
    total = sum(
        form.encode("g", Weighted(100.0, np.full(1, 8.0, np.float32))).astype(np.uint64) for _ in range(4)
    )
    total[1:] += 4 * np.uint64(noise)
    assert total[1] < 2**31
    assert form.decode(total.astype(np.uint32), NAMES[:4]).mean == pytest.approx([10.0])


@pytest.mark.parametrize("share", [1.0, 0.1, 0.01])
def test_the_mean_is_as_exact_as_the_bound_says(share):
    rng = np.random.default_rng(0)
    form = means()
    parts = [
        Weighted(share * rng.uniform(50, 100), rng.uniform(-8, 8, 40_000).astype(np.float32))
        for _ in range(5)
    ]
    total = sum(part.weight for part in parts)
    mean = sum(part.weight * part.values.astype(np.float64) for part in parts) / total
    bound = 2 * 5 * 8 / (2**32 * (total / 5 / 100))
    assert np.abs(add(form, *parts).mean - mean).max() < bound + 8 * 2.0**-24
    assert bound < 5e-6


def test_whoever_has_no_weight_adds_nothing():
    result = add(means(), Weighted(0.0, np.ones(3, np.float32)), Weighted(0.0, np.ones(3, np.float32)))
    assert (result.weight, result.mean.tolist()) == (0.0, [0.0] * 3)
    both = add(means(), Weighted(0.0, np.ones(3, np.float32)), Weighted(10.0, np.full(3, 2.0, np.float32)))
    np.testing.assert_allclose(both.mean, 2.0, atol=1e-6)


@pytest.mark.parametrize(
    ("weight", "value", "said"),
    [
        (1.0, 8.01, "'head' has a number as large as 8.01, where 8 is the most in secure sums"),
        (1.0, -8.01, "as large as 8.01"),
        (1.0, np.nan, "not finite"),
        (1.0, -np.inf, "not finite"),
        (0.0, np.nan, "not finite"),
        (100.1, 1.0, "weight 100.1, where 0 to 100 was agreed"),
        (-1.0, 1.0, "weight -1"),
        (np.nan, 1.0, "weight nan"),
    ],
)
@pytest.mark.parametrize("at", [0, 40_000])
def test_what_is_out_of_range_is_an_error(weight, value, said, at):
    values = np.zeros(50_000, np.float32)
    values[at] = value
    with pytest.raises(ExchangeError, match=said):
        means().encode("head", Weighted(weight, values))


def test_counts_are_exact():
    rng = np.random.default_rng(0)
    form = Statistics(5)
    parts = [rng.integers(0, 2**34, 1000).astype(np.float64) for _ in range(5)]
    np.testing.assert_array_equal(add(form, *parts).total, sum(parts))


def test_other_statistics_are_off_by_at_most_half_a_step_a_client():
    rng = np.random.default_rng(0)
    parts = [rng.uniform(-1e6, 1e6, 1000) for _ in range(5)]
    assert np.abs(add(Statistics(5), *parts).total - sum(parts)).max() <= 5 * 2.0**-17


@pytest.mark.parametrize("holders", [1, 3, 255])
def test_the_largest_statistics_of_all_holders_do_not_overflow(holders):
    form = Statistics(holders)
    largest = np.nextafter(form.largest, 0)
    for sign in (-1, 1):
        result = add(form, *[np.full(2, sign * largest)] * holders)
        np.testing.assert_allclose(result.total, sign * holders * largest, rtol=1e-12)
    assert form.largest > 1e14 / holders


@pytest.mark.parametrize("value", [np.nan, np.inf, 1.5e14])
def test_statistics_out_of_range_are_an_error(value):
    with pytest.raises(ExchangeError, match=r"not finite|as large as"):
        Statistics(3).encode("counts", np.array([1.0, value]))
