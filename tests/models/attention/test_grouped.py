import pytest
import torch

from fedmtl.models.attention.grouped import grouped_linear

# rows, channels, sources, chosen a row, outputs
SIZES = [(7, 5, 4, 2, 3), (1, 2, 1, 1, 1), (6, 3, 3, 3, 4), (40, 4, 9, 1, 6)]


def inputs(rows, channels, sources, k, outputs, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(*shape, generator=generator, dtype=dtype).requires_grad_()

    chosen = torch.rand(rows, sources, generator=generator).topk(k, dim=1).indices
    return normal(rows, channels), chosen, normal(sources, outputs, channels), normal(sources, outputs)


def naive(x, sources, weight, bias):
    return torch.einsum("nkoc,nc->nko", weight[sources], x) + bias[sources]


@pytest.mark.parametrize("size", SIZES)
def test_it_is_each_chosen_sources_linear_map(size):
    given = inputs(*size)
    out, expected = grouped_linear(*given), naive(*given)
    torch.testing.assert_close(out, expected)
    leaves = (given[0], *given[2:])
    grad = torch.randn_like(out)
    for mine, theirs in zip(
        torch.autograd.grad(out, leaves, grad), torch.autograd.grad(expected, leaves, grad), strict=True
    ):
        torch.testing.assert_close(mine, theirs)


def test_sources_that_nobody_chose_have_zero_gradient():
    x, _, weight, bias = inputs(5, 3, 4, 1, 2)
    grouped_linear(x, torch.full((5, 1), 2), weight, bias).sum().backward()
    assert weight.grad.abs().amax(dim=(1, 2)).gt(0).tolist() == [False, False, True, False]
    assert bias.grad.tolist() == [[0, 0], [0, 0], [5, 5], [0, 0]]


def test_equal_bits_from_run_to_run():
    given = inputs(2000, 32, 16, 4, 24, dtype=torch.float32)
    leaves = (given[0], *given[2:])
    runs = []
    for _ in range(3):
        out = grouped_linear(*given)
        runs.append((out, *torch.autograd.grad(out.square().sum(), leaves)))
    for run in runs[1:]:
        assert all(torch.equal(one, other) for one, other in zip(run, runs[0], strict=True))


def test_under_autocast_it_is_a_linear_map_of_that_dtype():
    given = inputs(20, 8, 3, 2, 4, dtype=torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        out = grouped_linear(*given)
    assert out.dtype == torch.bfloat16
    torch.testing.assert_close(out.float(), naive(*given), atol=0.1, rtol=0.1)
    out.float().sum().backward()
    assert given[0].grad.dtype == given[2].grad.dtype == torch.float32


@pytest.mark.parametrize("size", SIZES)
def test_an_exported_graph_computes_the_same(size):
    class Module(torch.nn.Module):
        def forward(self, *given):
            return grouped_linear(*given)

    given = tuple(x.detach() for x in inputs(*size))
    program = torch.export.export(Module(), given).module()
    torch.testing.assert_close(program(*given), grouped_linear(*given))
