import numpy as np
import pytest
from numba import njit

from fedmtl.models.attention.lanes import add, add_scaled, add_to, dot, load, prefetch, store, zeros

RNG = np.random.default_rng(0)


def kernel_for(count):
    @njit
    def compute(a, b, out, factor):
        x, y = load(a, 1, count), load(b, 2, count)
        store(out, 0, add(x, y))
        store(out, count, add_scaled(x, factor, y))
        store(out, 2 * count, zeros(a, count))
        add_to(out, 3 * count, factor, x)
        prefetch(a, 10**6)
        return dot(x, y)

    return compute


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [1, 2, 3, 16, 24, 33])
def test_equal_numpy(count, dtype):
    a, b = RNG.standard_normal((2, count + 3)).astype(dtype)
    out = RNG.standard_normal(4 * count + 1).astype(dtype)
    before = out.copy()
    factor = dtype(1.5)
    product = kernel_for(count)(a, b, out, factor)
    x, y = a[1 : 1 + count], b[2 : 2 + count]
    tolerance = {"rtol": 1e-5, "atol": 1e-6} if dtype == np.float32 else {"rtol": 1e-13, "atol": 1e-14}
    np.testing.assert_allclose(product, x @ y, **tolerance)
    expected = np.concatenate([x + y, x + factor * y, np.zeros(count), before[3 * count : -1] + factor * x])
    np.testing.assert_allclose(out[:-1], expected, **tolerance)
    assert out[-1] == before[-1]
