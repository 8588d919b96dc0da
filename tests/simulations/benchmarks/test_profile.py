import pytest
import torch

from fedmtl.errors import ConfigError
from simulations.benchmarks import make_table, profile, run_benchmark
from simulations.benchmarks.cores import Shape


def test_times_are_added_up_by_how_names_begin():
    times = [
        ("aten::mm", 2),
        ("aten::addmm", 1),
        ("fedmtl::sample_numba", 4),
        ("aten::add", 8),
        ("aten::gelu", 1),
    ]
    assert profile.by_kind(times) == {
        "sampling": 4,
        "matrix products": 3,
        "softmax, norm, GELU": 1,
        "copies and fills": 0,
        "all other": 8,
    }


def test_an_operator_that_runs_has_a_time_of_its_own():
    x = torch.rand(200, 200)
    times = dict(profile.operator_times(lambda: torch.softmax(x @ x, dim=1), calls=2))
    assert times["aten::mm"] > 0
    assert times["aten::_softmax"] > 0


def test_a_row_for_each_kind_and_core_and_a_table_beside_each_other():
    rows = profile.run(shapes=[Shape(2, 3, 4)], calls=1)
    assert [row["implementation"] for row in rows] == ["fedmtl"] * 5 + ["plain"] * 5
    for name in ("fedmtl", "plain"):
        own = {row["kind"]: row for row in rows if row["implementation"] == name}
        assert own["sampling"]["milliseconds"] > 0
        assert own["matrix products"]["milliseconds"] > 0
        assert sum(row["share"] for row in own.values()) == pytest.approx(1)
    columns = ["maps", "kind", "plain, ms", "fedmtl, ms"]
    assert all(list(row) == columns for row in make_table("attention-profile", rows))


def test_it_takes_no_settings():
    with pytest.raises(ConfigError, match="attention-profile takes no settings, such as 'rounds=1'"):
        run_benchmark("attention-profile", ["rounds=1"])
