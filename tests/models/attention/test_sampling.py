import sys

import numpy as np
import pytest
import torch

from fedmtl.errors import ModelError
from fedmtl.models.attention import deformable_sample
from tests.models.attention.cases import CASES, reference, relative_error, through

ON_A_CPU = ["numba", "plain"]
H, W = 4, 5


def inputs(name="outside", dtype=torch.float64):
    case = CASES[name].to(dtype)
    return case.value, case.locations, case.weights


def by(backend):
    return lambda *arguments: deformable_sample(*arguments, backend=backend)


def sample(value, locations, weights):
    return deformable_sample(*(torch.from_numpy(array) for array in (value, locations, weights))).numpy()


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
@pytest.mark.parametrize("backend", ON_A_CPU)
@pytest.mark.parametrize("name", CASES)
def test_equals_the_definition(name, backend, dtype, tolerance):
    case = CASES[name].clear_of_kinks()
    for actual, expected in zip(through(by(backend), case.to(dtype)), reference(case), strict=True):
        assert relative_error(actual, expected) < tolerance


@pytest.mark.parametrize("backend", ON_A_CPU)
@pytest.mark.parametrize("name", CASES)
def test_the_result_is_right_on_kinks_too(name, backend):
    case = CASES[name]
    out = deformable_sample(case.value, case.locations, case.weights, case.sources, backend)
    assert relative_error(out, reference(case)[0]) < 1e-12


def test_the_default_is_every_source_in_order():
    value, locations, weights = inputs()
    in_order = torch.arange(2).expand(1, 6, 2)
    assert torch.equal(
        deformable_sample(value, locations, weights), deformable_sample(value, locations, weights, in_order)
    )


def test_a_pixels_centre_reads_the_pixel_and_outside_is_zero():
    value = np.arange(float(H * W)).reshape(1, 1, H, W, 1, 1) + 1
    centres = [[(j + 0.5) / W, (i + 0.5) / H] for i in range(H) for j in range(W)]
    outside = [[-0.5 / W, 0.5 / H], [0.5 / W, -0.5 / H], [1 + 0.5 / W, 0.5 / H], [0.5 / W, 1 + 0.5 / H]]
    locations = np.array(centres + outside).reshape(1, -1, 1, 1, 1, 2)
    read = sample(value, locations, np.ones(locations.shape[:-1])).ravel()
    np.testing.assert_allclose(read, [*value.ravel(), 0, 0, 0, 0], atol=1e-12)


def test_the_edge_fades_to_zero_over_half_a_pixel():
    value = np.ones((1, 1, H, W, 1, 1))
    locations = np.array([[0.0, 0.5], [0.5, 1.0], [1.0, 1.0]]).reshape(1, 3, 1, 1, 1, 2)
    read = sample(value, locations, np.ones((1, 3, 1, 1, 1))).ravel()
    np.testing.assert_allclose(read, [0.5, 0.5, 0.25])


def test_neighbouring_tasks_never_leak_into_each_other():
    value, locations, weights = inputs("five tasks")
    silent, only = value.clone(), weights.clone()
    silent[:, [0, 2, 4]] = 0
    only[:, :, :, [0, 2, 4]] = 0
    torch.testing.assert_close(
        deformable_sample(value, locations, only), deformable_sample(silent, locations, weights)
    )


@pytest.mark.parametrize("backend", ON_A_CPU)
@pytest.mark.parametrize("name", ["outside", "one pixel", "three channels", "more sources than tasks"])
def test_gradients_are_those_of_the_result(name, backend):
    case = CASES[name].clear_of_kinks()
    arguments = [x.clone().requires_grad_() for x in (case.value, case.locations, case.weights)]
    torch.autograd.gradcheck(by(backend), (*arguments, case.sources), fast_mode=True)


@pytest.mark.parametrize("backend", ON_A_CPU)
def test_the_result_has_the_values_dtype(backend):
    value, locations, weights = inputs(dtype=torch.float32)
    half = deformable_sample(value.bfloat16(), locations, weights, backend=backend)
    assert half.dtype == torch.bfloat16
    expected = deformable_sample(value.bfloat16().float(), locations, weights, backend=backend)
    torch.testing.assert_close(half, expected.bfloat16())


@pytest.mark.parametrize("name", ["outside", "more sources than tasks"])
def test_it_compiles_into_one_graph(name):
    torch.compiler.reset()
    case = CASES[name].clear_of_kinks().to(torch.float32)

    def twice(*arguments):
        return 2 * deformable_sample(*arguments)

    compiled = torch.compile(twice, fullgraph=True, backend="aot_eager")
    for actual, expected in zip(through(compiled, case), through(twice, case), strict=True):
        torch.testing.assert_close(actual, expected)


@pytest.mark.parametrize(("device", "numba"), [("cpu", True), ("meta", False)])
def test_auto_takes_the_fastest_core_of_the_device(device, numba):
    out = deformable_sample(*(x.to(device).clone().requires_grad_() for x in inputs()))
    assert ("sample_numba" in out.grad_fn.name()) == numba


def test_an_unknown_backend_is_named():
    with pytest.raises(ModelError, match="unknown sampling backend 'plian': did you mean 'plain'"):
        deformable_sample(*inputs(), backend="plian")


@pytest.mark.parametrize(("backend", "device"), [("triton", "cpu"), ("numba", "meta")])
def test_a_backend_on_the_wrong_device_is_named(backend, device):
    with pytest.raises(ModelError, match=f"backend '{backend}' runs on .*, not on {device}"):
        deformable_sample(*(x.to(device) for x in inputs()), backend=backend)


def test_where_triton_is_missing_its_backend_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "triton", None)
    monkeypatch.delitem(sys.modules, "fedmtl.models.attention.cuda", raising=False)
    monkeypatch.delattr("fedmtl.models.attention.cuda", raising=False)
    with pytest.raises(ModelError, match=r"'triton' cannot be loaded .*: install the package triton"):
        torch.ops.fedmtl.sample_triton(*inputs(), None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v, at, w: (v[0], at, w, None), "takes value"),
        (lambda v, at, w: (v, at[..., :1], w, None), "locations should be"),
        (lambda v, at, w: (v, at, w[:, 1:], None), "weights should be"),
        (lambda v, at, w: (v, at[:, :, :, :1], w[:, :, :, :1], None), "locations should be"),
        (lambda v, at, w: (v, at, w, torch.zeros(1, 6, 1, dtype=torch.int64)), "sources should be"),
        (lambda v, at, w: (v, at, w, torch.zeros(1, 6, 2, dtype=torch.int32)), "sources should be int64"),
        (lambda v, at, w: (v, at, w.to("meta"), None), "weights should be on cpu like value, not on meta"),
    ],
)
def test_what_does_not_fit_is_named(change, message):
    with pytest.raises(ModelError, match=message):
        deformable_sample(*change(*inputs()))
