"""What `flwr run` is told, and the run directory that it means."""

import tomllib
from pathlib import Path

import pytest

import fedmtl
from fedmtl import shipped
from fedmtl.errors import ConfigError, RunError
from fedmtl.scenario import load_scenario
from fedmtl.submission import open_run, run_folder
from tests.federations import TINY, create, tiny

RUN_ID = 2**64 - 1


@pytest.fixture
def submitted(tmp_path):
    """Settings that name a scenario's file."""
    path = tmp_path / "mine.yaml"
    path.write_text(TINY)
    return {"run-dir": "", "scenario": str(path), "overrides": "", "out": str(tmp_path / "runs")}


def test_a_scenario_becomes_a_new_run_that_clients_find(submitted, tmp_path):
    run = open_run(submitted | {"overrides": "rounds=7 'data.image_size=[64, 96]'"}, RUN_ID)
    assert run.path == run_folder(submitted, RUN_ID) == tmp_path / "runs" / f"mine-{RUN_ID}"
    assert run.scenario == tiny("rounds=7", "data.image_size=[64, 96]")
    assert (run.path / "run.json").exists()


def test_two_runs_of_flower_are_two_folders(submitted):
    assert open_run(submitted, 1).identity["run"] != open_run(submitted, 2).identity["run"]


def test_a_run_that_is_there_is_gone_on_with_whatever_else_is_set(submitted, tmp_path):
    existing = create(tmp_path / "run")
    settings = submitted | {"run-dir": str(existing.path), "overrides": "rounds=7"}
    assert open_run(settings, RUN_ID) == existing
    assert (
        run_folder(settings, RUN_ID) == run_folder({"run-dir": str(existing.path)}, RUN_ID) == existing.path
    )


@pytest.mark.parametrize(
    ("changes", "error", "words"),
    [
        ({"scenario": ""}, ConfigError, "names neither a scenario nor a run-dir"),
        ({"scenario": "two-romos"}, ConfigError, "no scenario 'two-romos'; did you mean 'two-rooms'?"),
        ({"overrides": "ronds=3"}, ConfigError, "unknown key 'ronds'; did you mean 'rounds'?"),
        ({"overrides": "name='x"}, ConfigError, "overrides cannot be split into words: No closing quotation"),
        ({"run-dir": "nowhere"}, RunError, "nowhere is not a run"),
    ],
)
def test_what_cannot_be_run_is_told(changes, error, words, submitted, tmp_path):
    with pytest.raises(error) as raised:
        open_run(submitted | changes, RUN_ID)
    assert words in str(raised.value)
    assert not (tmp_path / "runs").exists()


def test_the_apps_of_the_checkout_and_of_the_package_run_a_scenario_for_flowers_two_nodes():
    package = Path(fedmtl.__file__).parent
    apps = [
        tomllib.loads(path.read_text())["tool"]["flwr"]["app"]
        for path in (package / "app" / "pyproject.toml", package.parent / "pyproject.toml")
    ]
    assert apps[0]["config"] == apps[1]["config"]
    assert apps[0]["components"] == apps[1]["components"]
    assert len(load_scenario(shipped.find(apps[0]["config"]["scenario"])).clients) == 2
