"""The Triton kernels: on Triton's interpreter everywhere, and on a GPU where there is one."""

import importlib.util
import re
from functools import cache

import pytest
import torch

from fedmtl.models.attention.operator import make_operator
from fedmtl.models.attention.plain import plain_sample
from fedmtl.models.attention.sampling import BACKENDS
from tests.models.attention.cases import CASES, reference, relative_error, through

triton = pytest.importorskip("triton", reason="Triton is not installed here")
tl = pytest.importorskip("triton.language")

from triton.backends.compiler import GPUTarget  # noqa: E402
from triton.compiler import ASTSource  # noqa: E402

from fedmtl.models.attention import cuda  # noqa: E402

needs_gpu = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no CUDA GPU here: the kernels ran on Triton's interpreter only"
)
ATOMIC = re.compile(r"\b(atom|red)\.global")
# Where points lie, what a block or a pixel leaves over, and which tasks are looked at.
FOR_A_PIXELS_PROGRAM = [
    "around the border",
    "on pixel centres",
    "far outside",
    "one pixel",
    "one row",
    "one column",
    "three channels",
    "three heads",
    "three images",
    "two sources of five tasks",
    "a source that nobody chose",
]


@cache
def interpreted():
    """The module once more, its kernels interpreted if TRITON_INTERPRET is set: they ask when they are defined."""
    spec = importlib.util.find_spec(cuda.__name__)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


INTERPRETED = make_operator("sample_interpreted", interpreted)


@pytest.fixture
def interpreter(monkeypatch):
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    # Of what the kernels call, this alone is itself written in Triton, and was defined to be compiled.
    monkeypatch.setattr(tl, "sum", lambda x, axis: tl.reduce(x, axis, tl.standard._sum_combine))
    return INTERPRETED, "cpu"


@pytest.fixture(params=["interpreter", pytest.param("gpu", marks=needs_gpu)])
def core_and_device(request):
    if request.param == "gpu":
        return BACKENDS["triton"].core, "cuda"
    return request.getfixturevalue("interpreter")


@pytest.fixture
def deterministic():
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(before)


def check(core_and_device, case, dtype, tolerance, value_dtype=None):
    core, device = core_and_device
    given = case.to(dtype, value_dtype, device)
    expected = reference(given.to(torch.float64))
    for name, actual, right in zip(
        ("result", "by value", "by locations", "by weights"), through(core, given), expected, strict=True
    ):
        assert relative_error(actual, right) < tolerance, name


@pytest.mark.parametrize("name", CASES)
def test_equals_the_definition(core_and_device, name):
    check(core_and_device, CASES[name].clear_of_kinks(), torch.float32, 1e-5)


@pytest.mark.parametrize("name", ["outside", "one pixel", "33 channels", "a source twice in a query"])
def test_float64_is_as_exact_as_it_can_be(core_and_device, name):
    check(core_and_device, CASES[name].clear_of_kinks(), torch.float64, 1e-12)


@pytest.mark.parametrize("value_dtype", [torch.bfloat16, torch.float16])
def test_half_precision_values_are_sampled_at_float32_locations(core_and_device, value_dtype):
    check(core_and_device, CASES["outside"].clear_of_kinks(), torch.float32, 1e-2, value_dtype)


@pytest.mark.usefixtures("deterministic")
@pytest.mark.parametrize("name", FOR_A_PIXELS_PROGRAM)
def test_the_deterministic_gradient_is_the_same_gradient(core_and_device, name):
    check(core_and_device, CASES[name].clear_of_kinks(), torch.float32, 1e-5)


@pytest.mark.usefixtures("deterministic")
def test_the_deterministic_gradient_has_the_same_bits_every_time(core_and_device):
    core, device = core_and_device
    case = CASES["more sources than tasks"].to(torch.float32, device=device)
    first, second = through(core, case), through(core, case)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize(("queries", "points"), [(0, 2), (3, 0)])
def test_nothing_to_sample_is_zero(core_and_device, queries, points):
    core, device = core_and_device
    value = torch.rand(1, 2, 3, 4, 2, 5, device=device, requires_grad=True)
    locations = torch.rand(1, queries, 2, 2, points, 2, device=device)
    out = core(value, locations, locations[..., 0], None)
    assert out.shape == (1, queries, 10)
    out.sum().backward()
    assert not out.any()
    assert not value.grad.any()


@pytest.mark.usefixtures("interpreter")
@pytest.mark.parametrize("source", [-1, 2])
def test_a_source_that_is_no_task_is_not_read(source):
    """As on a GPU, where the operator does not wait to see whether all sources are tasks."""
    case = CASES["one source"]
    sources = torch.full_like(case.sources, source)
    out = interpreted().forward(case.value, case.locations, case.weights, sources)
    assert not out.any()


@needs_gpu
@pytest.mark.parametrize("deterministic_algorithms", [False, True])
def test_at_full_size(deterministic_algorithms, request):
    if deterministic_algorithms:
        request.getfixturevalue("deterministic")
    generator = torch.Generator("cuda").manual_seed(0)
    shape = (2, 5120, 8, 5, 4)
    value = torch.randn(2, 5, 32, 32, 8, 32, device="cuda", generator=generator)
    locations = torch.rand(*shape, 2, device="cuda", generator=generator) * 1.2 - 0.1
    weights = torch.rand(shape, device="cuda", generator=generator)

    def gradients(core):
        inputs = [x.clone().requires_grad_() for x in (value, locations, weights)]
        out = core(*inputs, None)
        return out, *torch.autograd.grad(out.square().sum(), inputs)

    ours = gradients(BACKENDS["triton"].core)
    if deterministic_algorithms:
        assert all(torch.equal(*pair) for pair in zip(ours, gradients(BACKENDS["triton"].core), strict=True))
    else:
        # Some of so many points lie so close to a kink that rounding decides on their gradient.
        for actual, expected in zip(ours, gradients(plain_sample), strict=True):
            assert relative_error(actual, expected) < 1e-3


def compile_for_a_gpu(kernel, dtypes, **constants):
    """The kernel's assembly for compute capability 8.0. Takes no GPU."""
    value, accumulated = dtypes
    pointers = {
        "value": value,
        "grad": value,
        "sources": "i64",
        "cells": "i64",
        "samples": "i64",
        "starts": "i64",
    }
    sizes = ("queries", "tasks", "height", "width", "heads", "slots", "points", "channels")
    kinds = {name: f"*{pointers.get(name, accumulated)}" for name in kernel.arg_names}
    kinds |= dict.fromkeys(sizes, "i32") | dict.fromkeys(constants, "constexpr")
    at = {name: (i,) for i, name in enumerate(kernel.arg_names)}
    source = ASTSource(kernel, kinds, constexprs={at[name]: value for name, value in constants.items()})
    return triton.compile(source, target=GPUTarget("cuda", 80, 32)).asm["ptx"]


BLOCK = {"block_q": 16, "block_d": 32}
# Triton compiles sizes of 1 into a kernel.
ONES = dict.fromkeys(("queries", "tasks", "height", "width", "heads", "slots", "points", "channels"), 1)


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))


@pytest.mark.usefixtures("empty_cache")
@pytest.mark.parametrize("dtypes", [("bf16", "fp32"), ("fp64", "fp64")])
def test_kernels_compile_for_a_gpu(dtypes):
    compile_for_a_gpu(cuda._forward, dtypes, **BLOCK)
    compile_for_a_gpu(cuda._backward, dtypes, cells=None, **BLOCK)
    compile_for_a_gpu(cuda._gather, dtypes, block_n=16, block_d=32)


@pytest.mark.usefixtures("empty_cache")
def test_kernels_compile_where_all_sizes_are_one():
    one = {"block_q": 1, "block_d": 1, **ONES}
    compile_for_a_gpu(cuda._forward, ("fp32", "fp32"), sources=None, **one)
    compile_for_a_gpu(cuda._backward, ("fp32", "fp32"), sources=None, **one)
    compile_for_a_gpu(cuda._gather, ("fp32", "fp32"), block_n=16, block_d=1, **ONES)


@pytest.mark.usefixtures("empty_cache")
def test_only_the_fast_gradient_adds_atomically():
    fast = compile_for_a_gpu(cuda._backward, ("fp32", "fp32"), sources=None, cells=None, **BLOCK)
    sortable = compile_for_a_gpu(cuda._backward, ("fp32", "fp32"), sources=None, **BLOCK)
    gathered = compile_for_a_gpu(cuda._gather, ("fp32", "fp32"), block_n=16, block_d=32)
    assert ATOMIC.search(fast)
    assert not ATOMIC.search(sortable + gathered)
