import json
import shutil

import pytest

from fedmtl import shipped
from fedmtl.run_directory import RunDirectory
from tests.federations import events_of, models_of, tiny

# The data root would otherwise be the folder of the test that has run it.
SHORT = ["rounds=1", "data.sources.rooms.train=2", "data.sources.rooms.val=2", "data_root=/"]


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """What the command said of the run that all tests begin with, and a copy of what it left."""
    return {"runs": tmp_path_factory.mktemp("kept") / "runs"}


@pytest.fixture
def finished(fedmtl, scenario, tmp_path, kept):
    if "outcome" in kept:
        shutil.copytree(kept["runs"], tmp_path / "runs")
    else:
        kept["outcome"] = fedmtl("run", scenario, *SHORT)
        assert kept["outcome"].code == 0, kept["outcome"].err
        shutil.copytree(tmp_path / "runs", kept["runs"])
    return kept["outcome"]


def test_a_run_leaves_everything_in_a_folder_of_its_name(finished, tmp_path):
    run = RunDirectory.open(tmp_path / "runs" / "tiny")
    assert run.scenario == tiny(*SHORT)
    assert events_of(run, "finish")[0]["status"] == "finished"
    assert run.report.is_file()
    assert list(run.tensorboard.iterdir())
    assert run.checkpoints.rounds() == [1]


def test_it_ends_with_a_table_and_the_reports_place(finished):
    assert "report: runs/tiny/report.html" in finished.out
    table = [line.split() for line in finished.out.splitlines()]
    for client in ("a", "b", "c"):
        assert any(client in line for line in table)
    assert "Traceback" not in finished.err


def test_another_run_gets_another_folder(finished, fedmtl, scenario, tmp_path):
    assert fedmtl("run", scenario, *SHORT, "--out", "mine").code == 0
    assert RunDirectory.open(tmp_path / "mine").scenario == tiny(*SHORT)
    outcome = fedmtl("run", scenario, *SHORT, "--baseline", "mine")
    assert outcome.code == 0
    assert (tmp_path / "runs" / "tiny-2").is_dir()
    # The same run twice: no client has gained by the second.
    assert "a, b, c keep the models that they came with: no round was better" in outcome.out
    assert "keep the models" not in finished.out
    assert (
        models_of(RunDirectory(tmp_path / "mine"))["groups"]
        == models_of(RunDirectory(tmp_path / "runs" / "tiny-2"))["groups"]
    )


def test_models_of_another_runs_data_are_refused_before_there_is_a_folder(
    straight, fedmtl, scenario, tmp_path
):
    words = "run", scenario, "data.sources.rooms.val=1", "--out", "mine", "--baseline", straight.path
    code, _, err = fedmtl(*words)
    assert code == 1
    assert err.startswith(
        f"fedmtl: client 'a' cannot come with its model of {straight.path}, where it had other"
    )
    assert err.count("\n") == 1
    assert not (tmp_path / "mine").exists()


def test_a_finished_run_is_only_reported_again(finished, fedmtl, tmp_path):
    run = RunDirectory.open(tmp_path / "runs" / "tiny")
    before = models_of(run)
    run.report.unlink()
    outcome = fedmtl("resume", run.path)
    assert outcome.code == 0
    assert run.report.is_file()
    assert models_of(run) == before
    assert len(events_of(run, "train")) == 3


def test_a_run_that_was_cut_off_goes_on(straight, fedmtl, tmp_path):
    cut = tmp_path / "cut"
    shutil.copytree(straight.path, cut)
    run = RunDirectory.open(cut)
    run.checkpoints.path(3).unlink()
    assert fedmtl("resume", cut).code == 0
    assert models_of(run) == models_of(straight)


def test_scenarios_lists_them_all(fedmtl):
    code, out, _ = fedmtl("scenarios")
    assert code == 0
    for name in shipped.names():
        assert name in out


def test_evaluate_prints_what_the_clients_measured(straight, fedmtl):
    code, out, _ = fedmtl("evaluate", straight.path, "--json")
    assert code == 0
    rows = json.loads(out)
    assert {(row["client"], row["task"], row["split"], row["images"]) for row in rows} == {
        ("a", "depth", "val", 2),
        ("a", "semseg", "val", 2),
        ("b", "semseg", "val", 2),
        ("c", "depth", "val", 2),
        ("c", "room_type", "val", 2),
    }
    measured = {
        (e["client"], e["task"], e["round"], e["metric"]): e["value"]
        for e in events_of(straight, "metric", split="val")
    }
    for row in rows:
        metrics = set(row) - {"client", "task", "round", "split", "images"}
        assert metrics
        for metric in metrics:
            assert row[metric] == measured[row["client"], row["task"], row["round"], metric]


def test_evaluate_compares_with_a_baseline(straight, fedmtl):
    code, out, _ = fedmtl("evaluate", straight.path, "--baseline", straight.path, "--json")
    assert code == 0
    assert {row["delta"] for row in json.loads(out)} <= {0.0, None}
    code, out, _ = fedmtl("evaluate", straight.path, "--baseline", straight.path)
    assert code == 0
    assert "mean Δ: +0.0 %" in out


def test_evaluate_prints_a_table_with_the_primary_metric_first(straight, fedmtl):
    code, out, _ = fedmtl("evaluate", straight.path, "--split", "test")
    assert code == 0
    (line,) = [line for line in out.splitlines() if "room_type" in line]
    assert "c" in line.split()[1]
    assert "test images" in out
