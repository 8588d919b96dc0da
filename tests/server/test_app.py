"""The ServerApp is the same federation, told by the run config where its folder is."""

import pytest
from flwr.app import Context, RecordDict

from fedmtl.errors import RunError
from server.app import main
from tests.federations import Wire, create, events_of, models_of, story_of


def context(**run_config):
    return Context(1, 1, {}, RecordDict(), run_config)


def test_it_runs_the_directory_that_the_run_config_names(tmp_path, straight):
    directory = create(tmp_path / "run")
    main(Wire(directory), context(**{"run-dir": str(directory.path), "engine": "ray"}))
    assert models_of(directory) == models_of(straight)
    assert events_of(directory, "start")[0]["engine"] == "ray"
    without_engine = [{**event, "engine": ""} for event in story_of(directory)]
    assert without_engine == [{**event, "engine": ""} for event in story_of(straight)]


def test_without_a_directory_it_says_how_to_start_a_run(straight):
    with pytest.raises(RunError, match="start runs with 'fedmtl run'"):
        main(Wire(straight), context())


def test_a_directory_that_is_no_run_is_refused(tmp_path, straight):
    with pytest.raises(RunError, match="is not a run"):
        main(Wire(straight), context(**{"run-dir": str(tmp_path)}))
