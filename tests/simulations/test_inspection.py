"""A run looked at afterwards agrees with what it logged."""

import numpy as np
import pytest

from fedmtl.best_model import BEST, read_best
from fedmtl.errors import DataError
from simulations.inprocess import run_inprocess
from simulations.inspection import IMAGES_PER_CLIENT, evaluate_run, group_table, prediction_panels
from tests.federations import CLIENTS, create, events_of, newest_of


@pytest.fixture(scope="module", params=["fedper", "all", "local"])
def run(request, tmp_path_factory):
    """Runs with private heads, with every task as context, and with nothing shared."""
    overrides = {
        "fedper": ["method.name=fedper", "federation.fraction=0.7"],
        "all": ["model.context=all"],
        "local": ["method.name=local"],
    }
    directory = create(tmp_path_factory.mktemp("inspected") / "run", "rounds=2", *overrides[request.param])
    run_inprocess(directory)
    return directory


def logged(directory, number, rounds):
    return {
        (event["client"], event["task"], event["metric"]): event["value"]
        for event in events_of(directory, "metric", round=number, split="val")
        if rounds.get(event["client"]) == number
    }


def test_without_best_models_it_gives_those_of_the_last_round(run, tmp_path):
    measured = evaluate_run(newest_of(run, tmp_path / "run"), "val")
    values = {(m.client, m.task, name): value for m in measured for name, value in m.metrics.items()}
    expected = logged(run, 2, dict.fromkeys(CLIENTS, 2))
    assert {m.round for m in measured} == {2}
    assert set(values) == set(expected)
    assert all(value is None or values[key] == value for key, value in expected.items())


def test_evaluating_a_run_gives_the_metrics_of_each_clients_best_round(run):
    measured = evaluate_run(run, "val")
    values = {(m.client, m.task, name): value for m in measured for name, value in m.metrics.items()}
    rounds = {client: read_best(run.client_folder(client) / BEST).round for client in CLIENTS}
    assert {m.client: m.round for m in measured} == rounds
    expected = {key: value for number in (1, 2) for key, value in logged(run, number, rounds).items()}
    assert set(values) == set(expected)
    for key, value in expected.items():
        assert value is None or values[key] == value, key
    assert {m.images for m in measured} == {2}


@pytest.mark.parametrize(("split", "images"), [("train", 4), ("test", 2)])
def test_other_splits_are_the_clients_own_images(split, images, straight):
    measured = evaluate_run(straight, split)
    assert {m.client for m in measured} == set(CLIENTS)
    assert {m.images for m in measured} == {images}


def test_what_takes_too_long_for_every_round_is_measured_too(tmp_path):
    directory = create(tmp_path / "run", "rounds=1", "clients.b.tasks=[edge]")
    run_inprocess(directory)
    (edge,) = (m for m in evaluate_run(directory, "val") if m.task == "edge")
    everything = {(event["task"], event["metric"]) for event in events_of(directory, "metric")}
    assert ("edge", "edgeF") in everything
    assert ("edge", "odsF_0.011") not in everything
    assert edge.primary == "odsF_0.0075"
    assert {"edgeF", "odsF_0.0075", "odsF_0.011", "oisF_0.0075", "oisF_0.011"} <= set(edge.metrics)


def test_a_split_without_images_is_an_error(tmp_path):
    directory = create(tmp_path / "run", "rounds=1", "data.sources.rooms.test=0")
    run_inprocess(directory)
    with pytest.raises(DataError, match=r"no client of .* has images of the split 'test'"):
        evaluate_run(directory, "test")


def test_panels_show_images_with_labels_beside_predictions(run):
    panels = prediction_panels(run)
    assert [panel.client for panel in panels] == [c for c in CLIENTS for _ in range(IMAGES_PER_CLIENT)]
    assert len({(panel.client, panel.image_id) for panel in panels}) == len(panels)
    tasks = {"a": ["depth", "semseg"], "b": ["semseg"], "c": ["depth", "room_type"]}
    for panel in panels:
        assert [row.task for row in panel.rows] == tasks[panel.client]
        assert "val" in panel.image_id
        for picture in (panel.image, *(p for row in panel.rows for p in (row.label, row.prediction))):
            assert picture.dtype == np.uint8
            assert picture.shape[2] == 3


def test_the_table_of_groups_says_who_trains_what_and_what_is_shared(run):
    groups = {group.name: group for group in group_table(run)}
    method = run.scenario.method["name"]
    assert groups["backbone"].policy == ("private" if method == "local" else "shared")
    assert groups["norm_stats"].policy == "private"
    assert list(groups["backbone"].holders) == list(CLIENTS)
    assert groups["head/semseg"].policy == ("shared" if method == "fedavg" else "private")
    assert list(groups["head/semseg"].holders) == ["a", "b"]
    assert list(groups["adapter/room_type"].holders) == ["c"]
    everything = run.scenario.model.context.value == "all"
    assert ("cross_adapter/semseg/room_type" in groups) == everything
    assert list(groups["attention/room_type"].holders) == (list(CLIENTS) if everything else ["c"])
    assert "constant" not in groups
    assert all(group.parameters > 0 for group in groups.values())
