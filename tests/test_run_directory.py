import errno
import os
from pathlib import Path

import pytest

from fedmtl import __version__
from fedmtl.errors import RunError
from fedmtl.run_directory import RunDirectory
from simulations.inprocess import run_inprocess
from tests.federations import create, tiny


def test_a_new_run_has_its_config_and_an_identity(tmp_path):
    run = create(tmp_path / "a" / "b", "rounds=7", "training.lr=3e-4")
    assert run.scenario == tiny("rounds=7", "training.lr=3e-4")
    assert run.identity["fedmtl"] == __version__
    assert len(run.identity["run"]) == 16
    assert sorted(path.name for path in run.path.iterdir()) == ["config.yaml", "run.json"]


def test_it_is_the_same_when_opened_again(tmp_path):
    run = create(tmp_path / "run")
    again = RunDirectory.open(tmp_path / "run")
    assert again == run
    assert again.scenario == run.scenario
    assert again.identity == run.identity


def test_two_runs_have_two_identities(tmp_path):
    assert create(tmp_path / "one").identity["run"] != create(tmp_path / "two").identity["run"]


def test_an_empty_folder_may_be_there_already(tmp_path):
    assert create(tmp_path).path == tmp_path


@pytest.mark.parametrize(
    "make", [lambda path: path.write_text("x"), lambda path: (path.mkdir(), (path / "x").touch())]
)
def test_nothing_is_written_over(tmp_path, make):
    path = tmp_path / "taken"
    make(path)
    with pytest.raises(
        RunError, match=r"taken is not empty: go on with 'fedmtl resume .*taken', or .* --out"
    ):
        create(path)


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    def full_disk(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", full_disk)
    with pytest.raises(RunError, match="run cannot be written: No space left on device"):
        create(tmp_path / "run")


@pytest.mark.parametrize("missing", ["config.yaml", "run.json"])
def test_a_folder_that_is_no_run_is_told(tmp_path, missing):
    create(tmp_path)
    (tmp_path / missing).unlink()
    with pytest.raises(RunError, match=r"is not a run: it has no config.yaml or no run.json"):
        RunDirectory.open(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"run": 3}', "\x00"])
def test_a_damaged_identity_is_told(tmp_path, content):
    create(tmp_path)
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(RunError, match=r"run.json is damaged: .*; restore it from a copy"):
        _ = RunDirectory.open(tmp_path).identity


def test_everything_lies_in_the_folder(tmp_path):
    run = RunDirectory(tmp_path)
    places = [
        run.metrics,
        run.report,
        run.tensorboard,
        run.checkpoints.folder,
        run.private_states("a").folder,
    ]
    assert [str(place.relative_to(tmp_path)) for place in places] == [
        "metrics.jsonl",
        "report.html",
        "tensorboard",
        "checkpoints",
        "checkpoints/clients/a",
    ]


def test_a_run_that_another_process_works_on_is_refused(tmp_path):
    """Two servers on one run directory would each undo the other's rounds."""
    run = create(tmp_path / "run", "rounds=1")
    with run.lock(), pytest.raises(RunError, match=rf"run is in use by process {os.getpid()}: .* resume"):
        run_inprocess(run)
    assert not run.metrics.exists()
    run_inprocess(run)
    assert run.checkpoints.rounds() == [1]
