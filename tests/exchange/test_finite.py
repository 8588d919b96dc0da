import numpy as np
import pytest
import torch

from fedmtl.exchange.finite import BLOCK, all_finite

DTYPES = [np.float32, np.float64]


@pytest.fixture(params=[1, 2, 3], autouse=True)
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


def extremes(dtype):
    info = np.finfo(dtype)
    return np.array([0.0, -0.0, info.smallest_subnormal, info.tiny, -1.5, info.max, info.min], dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [0, 1, 7, BLOCK, 3 * BLOCK + 5])
def test_the_largest_and_smallest_numbers_are_finite(dtype, size):
    assert all_finite(np.resize(extremes(dtype), size))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("place", [0, 1, BLOCK - 1, BLOCK, 2 * BLOCK + 4, -1])
@pytest.mark.parametrize("value", [np.nan, -np.nan, np.inf, -np.inf])
def test_one_that_is_not_is_found_wherever_it_is(dtype, place, value):
    vector = np.resize(extremes(dtype), 3 * BLOCK + 5)
    vector[place] = value
    assert not all_finite(vector)


@pytest.mark.parametrize("dtype", DTYPES)
def test_any_bits_as_numpy_sees_them(dtype):
    width = np.dtype(dtype).itemsize
    bits = np.random.default_rng(0).bytes(20_000 * width)
    for one in np.frombuffer(bits, dtype)[:, None]:
        assert all_finite(one) == np.isfinite(one).all()
