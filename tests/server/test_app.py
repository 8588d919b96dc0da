"""The ServerApp is the same federation, told by the run config which run it is."""

import logging

import pytest
from flwr.app import Context, RecordDict

from clients.app import app as client_app
from fedmtl.errors import ConfigError, RunError
from fedmtl.run_directory import RunDirectory
from server.app import main
from simulations.inprocess import InProcessGrid
from tests.federations import TINY, Wire, create, events_of, models_of, story_of


def context(run_id=1, **run_config):
    return Context(run_id, 1, {}, RecordDict(), run_config)


def test_it_runs_the_directory_that_the_run_config_names(tmp_path, straight):
    directory = create(tmp_path / "run")
    main(Wire(directory), context(**{"run-dir": str(directory.path), "engine": "ray"}))
    assert models_of(directory) == models_of(straight)
    assert events_of(directory, "start")[0]["engine"] == "ray"
    without_engine = [{**event, "engine": ""} for event in story_of(directory)]
    assert without_engine == [{**event, "engine": ""} for event in story_of(straight)]


def test_it_makes_a_run_of_the_scenario_that_the_run_config_names(tmp_path, straight, monkeypatch, caplog):
    """Relative paths are from where Flower runs, for the server as for the clients."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(TINY)
    settings = {"scenario": "mine.yaml", "overrides": "rounds=3", "out": "runs"}
    grid = InProcessGrid(client_app, 3, settings)
    run_id = grid.run.run_id
    with caplog.at_level(logging.INFO):
        main(grid, context(run_id, **settings))
    directory = RunDirectory.open(tmp_path / "runs" / f"mine-{run_id}")
    assert models_of(directory) == models_of(straight)
    assert f"The run's folder is {directory.path}" in caplog.messages


def test_without_a_scenario_it_says_what_is_missing(straight):
    with pytest.raises(ConfigError, match="neither a scenario nor a run-dir"):
        main(Wire(straight), context())


def test_a_directory_that_is_no_run_is_refused(tmp_path, straight):
    with pytest.raises(RunError, match="is not a run"):
        main(Wire(straight), context(**{"run-dir": str(tmp_path)}))


def test_a_run_that_another_process_works_on_is_refused(tmp_path):
    directory = create(tmp_path / "run")
    with directory.lock(), pytest.raises(RunError, match="is in use by process"):
        main(Wire(directory), context(**{"run-dir": str(directory.path)}))
    assert not directory.metrics.exists()
