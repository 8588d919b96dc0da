"""That every implementation does the same work and every row says what was asked; speed is the benchmark's affair."""

import pytest
import torch

from fedmtl.errors import ConfigError
from simulations.benchmarks import attention, make_table, run_benchmark
from simulations.benchmarks.cores import Shape, cores
from tests.models.attention.cases import Case, reference

SHAPE = Shape(2, 3, 4)
ALWAYS = {"fedmtl", "plain", "sdpa", "pooled"}
SAMPLING = ("fedmtl", "plain", "torch-ms-deform-attn")


@pytest.fixture(scope="module")
def rows():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(attention, "can_measure", lambda: False)
        return attention.run(shapes=[SHAPE, Shape(3, 2, 2)], repeats=1, seconds=0)


def test_a_row_for_each_implementation_shape_and_pass(rows):
    keys = ["implementation", "tasks", "height", "width", "pass", "milliseconds", "peak_mb", "gmac"]
    assert all(list(row) == keys for row in rows)
    told = {(row["implementation"], row["tasks"], row["height"], row["width"], row["pass"]) for row in rows}
    assert len(told) == len(rows)
    for name in ALWAYS:
        for shape in (SHAPE, Shape(3, 2, 2)):
            assert {(name, *shape, "forward"), (name, *shape, "forward_backward")} <= told
    assert all(row["milliseconds"] > 0 and row["gmac"] > 0 for row in rows)


def test_multiply_adds_are_those_of_the_shape(rows):
    gmac = {(row["implementation"], row["pass"]): row["gmac"] for row in rows if row["tasks"] == 2}
    queries, samples = 24, 24 * 8 * 2 * 4
    assert gmac["sdpa", "forward"] == pytest.approx(2 * queries**2 * 256 / 1e9)
    # Both maps are pooled to one pixel.
    assert gmac["pooled", "forward"] == pytest.approx(2 * queries * 2 * 256 / 1e9)
    assert gmac["fedmtl", "forward"] == pytest.approx(4 * samples * (32 + 2) / 1e9)
    assert gmac["fedmtl", "forward_backward"] == pytest.approx(4 * samples * (3 * 32 + 7) / 1e9)
    # Plain weighs by attention element by element, which does not count.
    assert gmac["plain", "forward"] == pytest.approx(4 * samples * (32 + 1) / 1e9)
    assert gmac["plain", "forward_backward"] == pytest.approx(4 * samples * (3 * 32 + 4) / 1e9)


def test_memory_is_null_where_it_cannot_be_measured(rows):
    assert {row["peak_mb"] for row in rows} == {None}


@pytest.mark.parametrize("name", [name for name in cores() if name in SAMPLING])
def test_sampling_is_the_definition(name):
    core = cores()[name](SHAPE)
    forward_backward = core.passes()["forward_backward"]
    grad = torch.randn(1, SHAPE.queries, 256, generator=torch.Generator().manual_seed(1))
    expected, *_ = reference(Case(*core.inputs, None, grad))
    torch.testing.assert_close(core.gather(*core.inputs).double(), expected, rtol=1e-4, atol=1e-5)
    out, gradients = forward_backward()
    assert out.shape == (1, SHAPE.queries, 256)
    assert [g.shape for g in gradients] == [x.shape for x in core.inputs]
    assert all(g.abs().sum() > 0 for g in gradients)


def test_pooled_attention_is_full_attention_to_the_means_of_maps():
    core = cores()["pooled"](SHAPE)
    query, keys, values = core.inputs
    k, v = (x.mean(dim=(2, 3)).view(2, 8, 32).transpose(0, 1)[None] for x in (keys, values))
    expected = (query @ k.transpose(-1, -2) / 32**0.5).softmax(dim=-1) @ v
    torch.testing.assert_close(core.gather(*core.inputs), expected)


def test_forward_keeps_nothing_for_a_backward_pass():
    for name, make in cores().items():
        assert not make(SHAPE).passes()["forward"]().requires_grad, name


def test_the_table_compares_with_ours():
    row = {"tasks": 4, "height": 14, "width": 18, "pass": "forward"}
    rows = [
        {"implementation": "fedmtl", **row, "milliseconds": 1.5},
        {"implementation": "sdpa", **row, "milliseconds": 9.0},
    ]
    assert make_table("attention", rows) == [
        {"maps": "4 × 14×18", "pass": "forward", "fedmtl, ms": "1.5 (1.0×)", "sdpa, ms": "9 (6.0×)"}
    ]


def test_it_takes_no_settings():
    with pytest.raises(ConfigError, match="attention takes no settings, such as 'rounds=1'"):
        run_benchmark("attention", ["rounds=1"])
