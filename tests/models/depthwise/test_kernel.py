from typing import NamedTuple

import numpy as np
import pytest
import torch

from fedmtl.models.depthwise import kernel
from fedmtl.models.depthwise.kernel import weight_gradient
from fedmtl.models.lanes import VERSION


class Case(NamedTuple):
    shape: tuple[int, int, int, int]
    size: tuple[int, int] = (5, 5)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (2, 2)

    def inputs(self, dtype):
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(self.shape, generator=generator).to(dtype)
        weight = x.new_zeros(self.shape[1], 1, *self.size)
        out = torch.conv2d(x, weight, None, self.stride, self.padding, groups=self.shape[1])
        grad = torch.randn(out.shape, generator=generator).to(dtype)
        return x.to(memory_format=torch.channels_last), grad.to(memory_format=torch.channels_last)

    def gradient(self, dtype):
        return weight_gradient(*self.inputs(dtype), *self[1:])


CASES = {
    "3×3": Case((2, 16, 6, 9), (3, 3), padding=(1, 1)),
    "5×5": Case((2, 16, 6, 9)),
    "7×7": Case((1, 16, 9, 8), (7, 7), padding=(3, 3)),
    "stride 2, odd": Case((2, 16, 7, 9), stride=(2, 2)),
    "stride 2, even": Case((2, 16, 8, 10), stride=(2, 2)),
    "padded before": Case((2, 16, 11, 12), stride=(2, 2), padding=(0, 0)),
    "map smaller than the weight": Case((2, 16, 3, 4)),
    "one pixel": Case((3, 16, 1, 1)),
    "high": Case((2, 16, 6, 9), (7, 5), (2, 1), (3, 0)),
    "wide": Case((2, 16, 6, 9), (2, 5), (1, 3), (0, 1)),
    "stride beyond the weight": Case((1, 16, 15, 16), stride=(6, 7)),
    "padding beyond the weight": Case((1, 16, 4, 5), stride=(3, 2), padding=(6, 7)),
    "7 channels": Case((2, 7, 6, 9)),
    "35 channels": Case((2, 35, 6, 9)),
    "no samples": Case((0, 16, 6, 9)),
}


def by_definition(case):
    """Σ over samples and places of the result: its gradient times the input that met the weight's element there."""
    x, grad = (array.numpy() for array in case.inputs(torch.float64))
    (top, left), (rows, columns) = case.padding, case.size
    x = np.pad(x, ((0, 0), (0, 0), (top, top), (left, left)))
    weight = np.zeros((x.shape[1], 1, rows, columns))
    for (b, c, y, x_), g in np.ndenumerate(grad):
        y, x_ = y * case.stride[0], x_ * case.stride[1]
        weight[c, 0] += g * x[b, c, y : y + rows, x_ : x_ + columns]
    return weight


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-13), (torch.float32, 1e-6)])
@pytest.mark.parametrize("name", CASES)
def test_equals_the_definition(name, dtype, tolerance):
    actual, expected = CASES[name].gradient(dtype), by_definition(CASES[name])
    assert actual.dtype == dtype
    assert actual.shape == expected.shape
    assert np.linalg.norm(actual.numpy() - expected) <= tolerance * np.linalg.norm(expected)


@pytest.mark.parametrize("name", ["5×5", "7 channels", "35 channels"])
def test_the_bits_do_not_depend_on_the_number_of_threads(name):
    before = torch.get_num_threads()
    runs = []
    for threads in (1, 2, 3, 8):
        torch.set_num_threads(threads)
        runs.append(CASES[name].gradient(torch.float32))
    torch.set_num_threads(before)
    assert all(torch.equal(run, runs[0]) for run in runs)


def test_the_bits_do_not_depend_on_where_channels_lie_in_memory():
    case = CASES["35 channels"]
    x, grad = case.inputs(torch.float32)
    gapped = torch.stack((x, x), dim=-1)[..., 0]
    for given in ((x.contiguous(), grad.contiguous()), (gapped, grad)):
        assert torch.equal(weight_gradient(*given, *case[1:]), case.gradient(torch.float32))


@pytest.mark.parametrize("name", ["7 channels", "35 channels"])
def test_a_channel_does_not_reach_another(name):
    case = CASES[name]
    x, grad = case.inputs(torch.float32)
    x[:, 4] = torch.nan
    with_nan = weight_gradient(x, grad, *case[1:])
    assert with_nan.isnan().flatten(1).all(dim=1).nonzero().tolist() == [[4]]
    others = [c for c in range(x.shape[1]) if c != 4]
    assert torch.equal(with_nan[others], case.gradient(torch.float32)[others])


def test_long_sums_keep_their_digits():
    """Added one by one to 2²⁴ in float32, ones are lost."""
    x = torch.ones(1, 1, 3, 1024)
    x[0, 0, 0] = 0
    x[0, 0, 0, 0] = 2**24
    gradient = weight_gradient(x, torch.ones_like(x), (1, 1), (1, 1), (0, 0))
    assert gradient.item() == 2**24 + 2048


def test_cached_code_of_another_version_of_the_lanes_is_not_used():
    """numba's cache tells kernels apart by what they close over."""
    made = kernel.make_kernel(16, 5)
    assert made is kernel.make_kernel(16, 5)
    assert VERSION in [cell.cell_contents for cell in made.py_func.__closure__]
