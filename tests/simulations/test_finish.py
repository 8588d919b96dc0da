"""The table and the report at the end, alone and against a baseline."""

import io
import math
from shutil import copytree, rmtree

import pytest
from rich.console import Console

from fedmtl.deployment.run_state import queue_run
from fedmtl.errors import RunError
from fedmtl.run_directory import RunDirectory
from simulations.finish import departures, final_table, read_baseline, write_full_report
from simulations.inprocess import run_inprocess
from tests.federations import create, events_of, newest_of


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    directory = create(tmp_path_factory.mktemp("local") / "run", "method.name=local")
    run_inprocess(directory)
    return directory


def final(directory):
    """(client, task) → the last primary metric."""
    return {
        (event["client"], event["task"]): event["value"]
        for event in events_of(directory, "metric", round=3, split="val")
        if event["primary"] and event["client"] is not None
    }


def written(table):
    console = Console(width=200, file=io.StringIO())
    console.print(table)
    return console.file.getvalue()


def test_a_baseline_is_the_final_primary_metrics(local, straight):
    baseline = read_baseline(local.path)
    assert baseline.name == "local training"
    expected = {key: value for key, value in final(local).items() if value is not None}
    assert set(baseline.values) == set(expected)
    for key, value in expected.items():
        assert math.isclose(baseline.values[key], value)
    assert read_baseline(straight.path).name.startswith("fedavg (")


def test_no_run_is_no_baseline(tmp_path):
    with pytest.raises(RunError, match="is not a run"):
        read_baseline(tmp_path)


def test_the_table_has_every_client_and_task_and_the_change_where_there_is_a_baseline(local, straight):
    alone, compared = (
        written(final_table(straight)),
        written(final_table(straight, read_baseline(local.path))),
    )
    for word in ("a", "b", "c", "semseg", "depth", "room_type"):
        assert word in alone
    assert "local training" not in alone
    assert compared != alone
    assert "local training" in compared


def test_what_clients_leave_with_is_read_from_their_folders(straight, tmp_path):
    found = {departure.client: departure for departure in departures(straight)}
    assert set(found) == {"a", "b", "c"}
    for client, departure in found.items():
        assert departure.brought is None
        for task, value in departure.metrics.items():
            (event,) = events_of(
                straight,
                "metric",
                client=client,
                task=task,
                split="val",
                round=departure.round,
                primary=True,
            )
            assert event["value"] == value
    assert departures(newest_of(straight, tmp_path / "run")) == []


def test_the_report_has_pictures_groups_and_the_baseline(local, tmp_path):
    directory = create(tmp_path / "run", "rounds=1")
    run_inprocess(directory)
    path = write_full_report(directory, read_baseline(local.path))
    page = path.read_text()
    assert path == directory.report
    assert page.count("data:image/png;base64,") >= 6
    assert "cross_adapter/depth/room_type" in page
    assert "What each client leaves with" in page
    assert "local training" in page
    assert "://" not in page.replace("http://www.w3.org", "")
    assert "local training" not in write_full_report(directory).read_text()


def test_a_deployed_runs_report_does_without_what_is_at_the_sites(straight, tmp_path):
    folder = tmp_path / "run"
    copytree(straight.path, folder)
    rmtree(folder / "checkpoints" / "clients")
    queue_run(folder)
    page = write_full_report(RunDirectory.open(folder)).read_text()
    assert "semseg" in page
    assert "<h1>run</h1>" in page
    assert f"scenario {straight.scenario.name} · " in page
    assert "fedmtl deploy run config.yaml --server DIR" in page
    assert "site.yaml are not in it" in page
    assert "--engine" not in page
