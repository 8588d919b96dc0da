import math

import numpy as np
import pytest
import torch

from fedmtl.aggregation.running_sum import BLOCK, RunningSum

SIZES = [0, 1, 7, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7]


@pytest.fixture(params=[1, 2, 3])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def vectors(count, size=50, scale=1.0):
    rng = np.random.default_rng([count, size])
    made = (scale * rng.standard_normal((count, size))).astype(np.float32)
    made.flags.writeable = False
    return list(made)


def summed(updates, weights):
    total = RunningSum(updates[0].size)
    for update, weight in zip(updates, weights, strict=True):
        total.add(update, weight)
    return total


def in_order(updates, weights):
    """The float64 sum, one by one, and the weights' sum."""
    total = np.zeros(updates[0].size)
    for update, weight in zip(updates, weights, strict=True):
        total += weight * update.astype(np.float64)
    return total, sum(weights)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 11])
def test_the_sum_is_that_of_float64_in_order_bit_for_bit(threads, count, size):
    """Whatever waits for whom, and whoever computes it."""
    updates, weights = vectors(count, size), [0.3 + i / 7 for i in range(count)]
    total, weight = in_order(updates, weights)
    base = np.linspace(-1, 1, size, dtype=np.float32)
    np.testing.assert_array_equal(summed(updates, weights).mean(), (total / weight).astype(np.float32))
    np.testing.assert_array_equal(
        summed(updates, weights).added_to(base), (base + total / weight).astype(np.float32)
    )


def test_it_goes_on_after_a_mean():
    updates = vectors(5)
    total = summed(updates[:3], [1.0, 2.0, 3.0])
    total.mean()
    for update, weight in zip(updates[3:], (4.0, 5.0), strict=True):
        total.add(update, weight)
    assert total.weight == 15
    np.testing.assert_array_equal(total.mean(), summed(updates, [1.0, 2.0, 3.0, 4.0, 5.0]).mean())


def test_the_mean_of_a_thousand_is_rounded_once():
    """Within a bit of the exact one; a float32 sum is not."""
    updates = [1e-3 + one for one in vectors(1000, 100, scale=1e-4)]
    weights = [20.0 + (37 * i) % 4000 for i in range(1000)]
    exact = [
        math.fsum(w * float(u[j]) for u, w in zip(updates, weights, strict=True)) / math.fsum(weights)
        for j in range(100)
    ]
    ours = summed(updates, weights).mean()
    np.testing.assert_array_max_ulp(ours, np.array(exact, np.float32), maxulp=1)
    single = np.zeros(100, np.float32)
    for update, weight in zip(updates, weights, strict=True):
        single += np.float32(weight) * update
    single /= np.float32(math.fsum(weights))
    with pytest.raises(AssertionError):
        np.testing.assert_array_max_ulp(single, np.array(exact, np.float32), maxulp=1)


def test_equal_updates_give_that_update():
    (update,) = vectors(1)
    np.testing.assert_array_equal(summed([update] * 7, [1.0] * 7).mean(), update)


@pytest.mark.parametrize("size", [0, 3, 5])
def test_a_vector_of_another_size_is_refused(size):
    """The compiled loop would read past its end."""
    total = RunningSum(4)
    with pytest.raises(ValueError, match=r"shape \(\d,\) cannot be added to a sum of \(4,\)"):
        total.add(np.ones(size, np.float32), 1.0)
    with pytest.raises(ValueError, match="shape"):
        summed(vectors(2, 4), [1.0, 1.0]).added_to(np.ones(size, np.float32))
