import json

import pytest

ROWS = [
    {"engine": "bare", "seconds": 1.23456, "rounds": 2},
    {"engine": "ray", "seconds": 30.0, "note": "slow"},
]


@pytest.fixture
def measured(monkeypatch):
    """A benchmark that has been run already."""
    monkeypatch.setattr("simulations.benchmarks.run_benchmark", lambda name, overrides: ROWS)


def test_rows_are_one_json_array(measured, fedmtl):
    code, out, _ = fedmtl("benchmark", "engines", "--json")
    assert code == 0
    assert json.loads(out) == ROWS


def test_or_a_table_of_every_column(measured, fedmtl):
    code, out, _ = fedmtl("benchmark", "engines")
    assert code == 0
    for word in ("engine", "seconds", "rounds", "note", "bare", "1.235", "slow"):
        assert word in out


def test_or_a_table_that_compares_where_the_benchmark_has_one(monkeypatch, fedmtl):
    row = {"tasks": 4, "height": 14, "width": 18, "pass": "forward"}
    rows = [
        {"implementation": "fedmtl", **row, "milliseconds": 1.5},
        {"implementation": "sdpa", **row, "milliseconds": 9.0},
    ]
    monkeypatch.setattr("simulations.benchmarks.run_benchmark", lambda name, overrides: rows)
    code, out, _ = fedmtl("benchmark", "attention")
    assert code == 0
    for word in ("4 × 14×18", "1.5 (1.0×)", "9 (6.0×)"):
        assert word in out
