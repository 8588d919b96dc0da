import json

import pytest

from simulations.benchmarks import BENCHMARKS

ROWS = [
    {"engine": "bare", "seconds": 1.23456, "rounds": 2},
    {"engine": "ray", "seconds": 30.0, "rounds": None},
    {
        "engine": "flwr",
        "skipped": "it holds every update of the round at once, which is more than there is of memory",
    },
    {"codec": "int8", "seconds": 0.5},
]


@pytest.fixture
def measured(monkeypatch):
    """A benchmark that has been run already."""
    monkeypatch.setattr("simulations.benchmarks.run_benchmark", lambda name, overrides: ROWS)


def test_rows_are_one_json_array(measured, fedmtl):
    code, out, _ = fedmtl("benchmark", "engines", "--json")
    assert code == 0
    assert json.loads(out) == ROWS


def test_or_a_table_of_each_thing_in_which_a_pipe_cuts_nothing_off(measured, fedmtl):
    code, out, _ = fedmtl("benchmark", "engines")
    assert code == 0
    assert (out.count("engine"), out.count("codec"), out.count("seconds")) == (1, 1, 2)
    for word in ("seconds", "rounds", "bare", "1.235", "30", ROWS[2]["skipped"]):
        assert word in out
    assert "None" not in out


def test_the_help_names_every_benchmark(fedmtl):
    words = fedmtl("benchmark", "--help")[1].replace("│", " ").split()
    assert {word.rstrip(",.") for word in words} >= BENCHMARKS.keys()


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
