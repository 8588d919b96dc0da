from itertools import product

import pytest
import torch

from fedmtl.models.cost import multiply_adds
from fedmtl.models.depthwise.operator import convolve, convolve_by_torch, weight_gradient

STRIDES = [(1, 1), (2, 2)]


def leaves(dtype=torch.float64, channels=6):
    generator = torch.Generator().manual_seed(0)
    shapes = (2, channels, 5, 7), (channels, 1, 5, 5), (channels,)
    return [torch.randn(shape, generator=generator, dtype=dtype).requires_grad_() for shape in shapes]


def gradients(out, inputs):
    weights = torch.randn(out.shape, generator=torch.Generator().manual_seed(1), dtype=out.dtype)
    return torch.autograd.grad((out * weights).sum(), inputs)


@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-13), (torch.float32, 1e-5)])
def test_results_equal_torchs_to_the_bit_and_gradients_to_rounding(stride, dtype, tolerance):
    inputs = leaves(dtype)
    ours, torchs = (run(*inputs, stride, (2, 2)) for run in (convolve, convolve_by_torch))
    assert torch.equal(ours, torchs)
    for actual, expected in zip(gradients(ours, inputs), gradients(torchs, inputs), strict=True):
        torch.testing.assert_close(actual, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("wanted", [x for x in product((True, False), repeat=3) if any(x)])
def test_gradients_arrive_where_they_are_wanted_and_only_there(wanted):
    inputs = [x.requires_grad_(want) for x, want in zip(leaves(), wanted, strict=True)]
    expected = gradients(convolve_by_torch(*inputs, (1, 1), (2, 2)), [x for x in inputs if x.requires_grad])
    actual = gradients(convolve(*inputs, (1, 1), (2, 2)), [x for x in inputs if x.requires_grad])
    for ours, torchs in zip(actual, expected, strict=True):
        torch.testing.assert_close(ours, torchs)


@pytest.mark.parametrize("stride", STRIDES)
def test_it_can_be_differentiated_twice(stride):
    inputs = leaves(channels=2)
    torch.autograd.gradgradcheck(lambda *x: convolve(*x, stride, (2, 2)), inputs, fast_mode=True)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # opcheck's own
@pytest.mark.parametrize("stride", STRIDES)
def test_torch_finds_nothing_wrong_with_the_operator(stride):
    x, weight, _ = leaves(torch.float32)
    grad = torch.randn_like(convolve(x, weight, None, stride, (2, 2))).requires_grad_()
    torch.library.opcheck(weight_gradient, (x, grad, (5, 5), stride, (2, 2)))


def test_it_compiles_into_one_graph():
    torch.compiler.reset()
    inputs = leaves(torch.float32)

    def twice(*inputs):
        return 2 * convolve(*inputs, (2, 2), (2, 2))

    compiled = torch.compile(twice, fullgraph=True, backend="aot_eager")
    assert torch.equal(compiled(*inputs), twice(*inputs))
    for actual, expected in zip(
        gradients(compiled(*inputs), inputs), gradients(twice(*inputs), inputs), strict=True
    ):
        torch.testing.assert_close(actual, expected)


def test_each_gradient_costs_what_the_convolution_does():
    inputs = leaves()
    forward = 2 * 6 * 5 * 7 * 25
    for run in (convolve, convolve_by_torch):
        assert multiply_adds(lambda run=run: run(*inputs, (1, 1), (2, 2))) == forward
        assert multiply_adds(lambda run=run: run(*inputs, (1, 1), (2, 2)).sum().backward()) == 3 * forward


def test_no_more_is_kept_than_the_inputs():
    x, weight, bias = leaves()
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.data_ptr()) or t, lambda t: t):
        convolve(x, weight, bias, (1, 1), (2, 2))
    assert set(kept) == {x.data_ptr(), weight.data_ptr()}
