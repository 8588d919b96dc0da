import numpy as np
import pytest
from numba import njit

from fedmtl.models.lanes import (
    clamp,
    evens,
    floor,
    interleave,
    load,
    odds,
    prefetch,
    store,
    whole,
    zeros,
)

RNG = np.random.default_rng(0)
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64])


def elementwise(function, count):
    """`function` of two Lanes, compiled to read them from arrays and to return an array."""
    function = njit(function)

    @njit
    def compute(a, b, out):
        store(out, 0, function(load(a, 0, count), load(b, 0, count)))

    def run(a, b, dtype=None, size=count):
        out = np.full(size + 1, 7, dtype or a.dtype)
        compute(a, b, out)
        assert out[-1] == 7
        return out[:-1]

    return run


@DTYPES
@pytest.mark.parametrize("count", [1, 2, 3, 16, 33])
def test_arithmetic_equals_numpy(count, dtype):
    a, b = RNG.standard_normal((2, count)).astype(dtype)
    result = elementwise(lambda x, y: 2 * x + (x - 0.5) * y + (3 - y), count)(a, b)
    np.testing.assert_allclose(result, 2 * a + (a - 0.5) * b + (3 - b), rtol=1e-5, atol=1e-6)


@DTYPES
def test_loads_and_stores_are_where_they_should_be(dtype):
    a, out = RNG.standard_normal(8).astype(dtype), np.zeros(8, dtype)

    @njit
    def compute(a, out):
        prefetch(a, 10**6)
        store(out, 0, zeros(a, 3) + 1)
        store(out, 4, load(a, 2, 3))

    compute(a, out)
    np.testing.assert_array_equal(out, [1, 1, 1, 0, *a[2:5], 0])


@DTYPES
def test_clamped_numbers_lie_within_and_nan_stays(dtype):
    a = np.array([-9, -2, 0.5, 5, np.inf, -np.inf, np.nan], dtype)
    result = elementwise(lambda x, y: clamp(x, -2, 5), 7)(a, a)
    np.testing.assert_array_equal(result, np.array([-2, -2, 0.5, 5, 5, -2, np.nan], dtype))


@DTYPES
def test_whole_numbers_lie_below_and_nan_becomes_zero(dtype):
    a = np.array([-1.5, -1, -0.25, 0, 2.75, np.nan], dtype)
    np.testing.assert_array_equal(elementwise(lambda x, y: floor(x), 6)(a, a), np.floor(a))
    result = elementwise(lambda x, y: (whole(floor(x)) + 1) * 10, 6)(a, a, np.int64)
    np.testing.assert_array_equal(result, [-10, 0, 0, 10, 30, 10])


@pytest.mark.parametrize("count", [2, 8, 10])
def test_what_is_taken_apart_can_be_put_together(count):
    a = RNG.standard_normal(count)
    half = count // 2
    np.testing.assert_array_equal(elementwise(lambda x, y: evens(x), count)(a, a, size=half), a[::2])
    np.testing.assert_array_equal(elementwise(lambda x, y: odds(x), count)(a, a, size=half), a[1::2])
    np.testing.assert_array_equal(elementwise(lambda x, y: interleave(evens(x), odds(y)), count)(a, a), a)
