import math
from dataclasses import replace

import pytest

from fedmtl.config import ClientConfig
from fedmtl.errors import ConfigError
from simulations.benchmarks import robustness
from simulations.benchmarks.robustness import table
from simulations.comparison.entrants import Entrant
from tests.federations import tiny

ALIKE = (
    "rounds=1",
    "data.partition.kind=iid",
    "federation.evaluate_test=true",
    "checkpoint.every=0",
)


@pytest.fixture
def on_a_tiny_federation(monkeypatch):
    clients = {
        "home": ClientConfig(source="rooms", tasks=["depth"], copies=2),
        "rogue": ClientConfig(source="rooms", tasks=["depth"]),
    }
    alike = replace(tiny(*ALIKE), clients=clients)
    monkeypatch.setattr(robustness, "load_scenario", lambda path, overrides: alike)
    monkeypatch.setattr(robustness, "RULES", ("median",))
    monkeypatch.setattr(
        robustness, "ATTACKS", {"scaled": {"name": "scaled", "factor": 1e4}, "alie": {"name": "alie"}}
    )


def test_rules_are_tried_where_the_mean_breaks(on_a_tiny_federation):
    rows = robustness.run(jobs=1)
    assert all(row["metric"] == "rmse" and not row["higher_is_better"] for row in rows)
    found = {(row["attack"], row["rule"]): row for row in rows}
    # With z = 0, colluders send the mean of the honest, which costs little.
    assert set(found) == {
        ("none", "fedavg"),
        ("scaled", "fedavg"),
        ("alie", "fedavg"),
        ("none", "median"),
        ("scaled", "median"),
    }
    assert found["none", "fedavg"]["kept"] == 100
    assert found["scaled", "fedavg"]["kept"] < 50
    assert found["scaled", "median"]["kept"] > 80


def test_the_table_has_a_column_a_rule_and_the_task_that_suffers_most():
    def row(attack, rule, task, kept):
        return {"attack": attack, "rule": rule, "task": task, "kept": kept}

    assert table(
        [
            row("none", "fedavg", "a", 100.0),
            row("x", "fedavg", "a", 60.0),
            row("x", "fedavg", "b", 50.0),
            row("x", "krum", "a", 99.0),
        ]
    ) == [{"attack": "none", "fedavg": 100.0}, {"attack": "x", "fedavg": 50.0, "krum": 99.0}]


def test_a_scenario_needs_rogues(monkeypatch):
    monkeypatch.setattr(robustness, "load_scenario", lambda path, overrides: tiny(*overrides))
    with pytest.raises(ConfigError, match="needs a client 'rogue'"):
        robustness.run()


@pytest.mark.parametrize(("values", "mean"), [([1.0, 3.0], 2.0), ([1.0, None], None), ([None], None)])
def test_one_client_without_a_value_is_a_breakdown(values, mean):
    assert robustness._mean(values) == mean


def test_what_is_kept_is_the_same_for_more_and_for_less():
    rule = Entrant.parse("median")
    (more,) = robustness._rows("x", rule, {"a": ("mIoU", True, 50.0)}, {"a": ("mIoU", True, 40.0)})
    (less,) = robustness._rows("x", rule, {"a": ("rmse", False, 0.4)}, {"a": ("rmse", False, 0.5)})
    (gone,) = robustness._rows("x", rule, {"a": ("rmse", False, 0.4)}, {})
    assert math.isclose(more.kept, 80)
    assert math.isclose(less.kept, 80)
    assert (gone.value, gone.kept) == (None, 0.0)
