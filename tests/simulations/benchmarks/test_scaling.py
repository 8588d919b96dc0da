import pytest

from fedmtl.errors import ConfigError
from simulations.benchmarks import run_benchmark, scaling
from simulations.benchmarks.cores import CHANNELS, Shape


@pytest.mark.parametrize("power", [1, 1.15, 2])
def test_the_exponent_is_that_of_a_power(power):
    assert scaling.exponent([10, 20, 80], [3 * size**power for size in (10, 20, 80)]) == pytest.approx(power)


def test_rows_with_and_without_a_budget():
    rows = scaling.run(tasks=(2, 4), size=(3, 4), repeats=1, seconds=0)
    keys = ["top_k", "tasks", "height", "width", "queries", "milliseconds", "gmac", "exponent"]
    assert all(list(row) == keys for row in rows)
    assert [(row["top_k"], row["tasks"], row["queries"]) for row in rows] == [
        (2, 2, 24), (2, 4, 48), (0, 2, 24), (0, 4, 48),
    ]  # fmt: skip
    assert all(row["milliseconds"] > 0 for row in rows)
    for top_k in (2, 0):
        assert len({row["exponent"] for row in rows if row["top_k"] == top_k}) == 1


@pytest.mark.parametrize("top_k", [0, 2])
def test_every_map_and_parameter_takes_part(top_k):
    gradients = scaling.forward_backward(Shape(3, 3, 4), top_k)()
    assert gradients[0].shape == (1, CHANNELS, 3, 4)
    assert all(gradient is not None and gradient.abs().sum() > 0 for gradient in gradients)


def test_it_takes_no_settings():
    with pytest.raises(ConfigError, match="attention-scaling takes no settings, such as 'rounds=1'"):
        run_benchmark("attention-scaling", ["rounds=1"])
