from itertools import product
from types import SimpleNamespace

import pytest
import torch

from fedmtl.errors import ModelError
from fedmtl.models.attention.operator import make_operator
from tests.models.attention.cases import CASES, Case, reference, relative_error, through

SOME = ["outside", "33 channels", "more sources than tasks"]


def forward(value, locations, weights, sources):
    grad = weights.new_empty(weights.shape[0], weights.shape[1], value.shape[-2] * value.shape[-1])
    return reference(Case(value, locations, weights, sources, grad))[0]


def backward(grad, value, locations, weights, sources):
    return reference(Case(value, locations, weights, sources, grad))[1:]


KERNELS = SimpleNamespace(forward=forward, backward=backward)
OPERATOR = make_operator("sample_tested", lambda: KERNELS)


def inputs(case, dtype=torch.float32):
    case = case.to(dtype)
    return [x.clone() for x in (case.value, case.locations, case.weights)]


def strided(tensor):
    """The same numbers, with a gap between neighbours."""
    return torch.stack((tensor, tensor), dim=-1)[..., 0]


@pytest.fixture
def recorder(monkeypatch):
    """What the kernels were given, forward and then backward."""
    given = []
    for name, kernel in (("forward", forward), ("backward", backward)):
        monkeypatch.setattr(KERNELS, name, lambda *x, kernel=kernel: given.append(x) or kernel(*x))
    return given


@pytest.mark.parametrize("name", SOME)
def test_equals_the_definition(name):
    case = CASES[name].clear_of_kinks()
    for actual, expected in zip(through(OPERATOR, case), reference(case), strict=True):
        assert relative_error(actual, expected) < 1e-12


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # opcheck's own
@pytest.mark.parametrize("value_dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", SOME)
def test_torch_finds_nothing_wrong_with_it(name, value_dtype):
    case = CASES[name].clear_of_kinks().to(torch.float32, value_dtype)
    arguments = [strided(x).requires_grad_() for x in (case.value, case.locations, case.weights)]
    torch.library.opcheck(OPERATOR, (*arguments, case.sources))


@pytest.mark.parametrize("wanted", [x for x in product((True, False), repeat=3) if any(x)])
def test_gradients_arrive_where_they_are_wanted_and_only_there(wanted):
    case = CASES["outside"].clear_of_kinks()
    arguments = [x.requires_grad_(want) for x, want in zip(inputs(case, torch.float64), wanted, strict=True)]
    OPERATOR(*arguments, None).backward(case.grad)
    for x, want, expected in zip(arguments, wanted, reference(case)[1:], strict=True):
        assert (x.grad is not None) == want
        assert not want or relative_error(x.grad, expected) < 1e-12


@pytest.mark.parametrize("value_dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_results_have_the_dtype_of_their_inputs_and_kernels_accumulate_in_float32(
    recorder, value_dtype, dtype
):
    case = CASES["outside"].to(dtype, value_dtype)
    out, by_value, by_locations, by_weights = through(OPERATOR, case)
    assert (out.dtype, by_value.dtype) == (value_dtype, value_dtype)
    assert (by_locations.dtype, by_weights.dtype) == (dtype, dtype)
    for *_, value, locations, weights, _ in recorder:
        assert (value.dtype, locations.dtype, weights.dtype) == (value_dtype, torch.float32, torch.float32)


def test_kernels_get_contiguous_tensors(recorder):
    case = CASES["more sources than tasks"]
    arguments = [strided(x).requires_grad_() for x in inputs(case)]
    OPERATOR(*arguments, strided(case.sources)).sum().backward()
    assert len(recorder) == 2
    assert all(tensor.is_contiguous() for given in recorder for tensor in given)


def test_kernels_are_loaded_when_they_run_and_no_sooner():
    operator = make_operator("sample_absent", lambda: pytest.fail("loaded"))
    arguments = [x.to("meta") for x in inputs(CASES["33 channels"])]
    assert operator(*arguments, None).shape == (1, 6, 66)


def test_what_a_kernel_raises_reaches_the_caller(monkeypatch):
    def fail(*_):
        raise RuntimeError("out of registers")

    arguments = [x.requires_grad_() for x in inputs(CASES["outside"])]
    out = OPERATOR(*arguments, None)
    monkeypatch.setattr(KERNELS, "backward", fail)
    with pytest.raises(RuntimeError, match="out of registers"):
        out.sum().backward()
    monkeypatch.setattr(KERNELS, "forward", fail)
    with pytest.raises(RuntimeError, match="out of registers"):
        OPERATOR(*arguments, None)


def test_a_second_derivative_is_refused():
    arguments = [x.requires_grad_() for x in inputs(CASES["outside"])]
    first = torch.autograd.grad(OPERATOR(*arguments, None).sum(), arguments, create_graph=True)
    with pytest.raises(ModelError, match="can be differentiated once"):
        first[0].sum().backward()


@pytest.mark.parametrize("source", [-1, 2])
def test_a_source_that_is_no_task_is_named(source):
    case = CASES["more sources than tasks"]
    sources = case.sources.clone()
    sources[0, 3, 2] = source
    with pytest.raises(ModelError, match=f"{source}.*but there are 2 tasks"):
        OPERATOR(*inputs(case), sources)
