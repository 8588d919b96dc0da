"""`flwr run .` in a checkout, for real: Flower's Simulation Runtime in processes of its own."""

import os
from pathlib import Path

import pytest

from fedmtl.run_directory import RunDirectory
from simulations.flower import superlink
from simulations.inprocess import run_inprocess
from tests.federations import TINY, create, models_of, story_of

CHECKOUT = Path(__file__).parents[2]


def test_the_checkout_is_an_app_that_makes_a_run_of_a_scenario(tmp_path):
    pytest.importorskip("ray", reason="needs the extra 'ray'")
    scenario = tmp_path / "mine.yaml"
    scenario.write_text(TINY)
    settings = {"scenario": str(scenario), "overrides": "rounds=1 seed=3", "out": str(tmp_path / "runs")}
    # All cores for a client: one process has them all, and imports torch once. Several at once are Ray's test.
    nodes = {"num-supernodes": 3, "client-resources-num-cpus": os.cpu_count()}
    with superlink(RunDirectory(tmp_path), simulation=True) as link:
        run_id = link.submit(CHECKOUT, settings, nodes)
    made = RunDirectory.open(tmp_path / "runs" / f"mine-{run_id}")
    expected = create(tmp_path / "expected", "rounds=1", "seed=3")
    run_inprocess(expected)
    assert models_of(made) == models_of(expected)
    assert story_of(made, without=["start"]) == story_of(expected, without=["start"])
