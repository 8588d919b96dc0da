import math

import pytest

from fedmtl.errors import ConfigError
from simulations.benchmarks import new_tasks
from simulations.benchmarks.new_tasks import share_of_the_way, table
from tests.federations import tiny

LACKING = {("a", "room_type"), ("b", "depth"), ("b", "room_type"), ("c", "semseg")}
VALUES = ("others", "federated", "alone", "floor")


@pytest.fixture
def on_the_tiny_federation(monkeypatch):
    monkeypatch.setattr(new_tasks, "load_scenario", lambda path, overrides: tiny(*overrides))
    monkeypatch.setattr(new_tasks, "SETTINGS", ("rounds=2", "federation.evaluate_every=1"))
    monkeypatch.setattr(new_tasks, "METHODS", ("fedavg", "kinship"))


def test_the_share_of_the_way_is_counted_from_the_floor():
    assert share_of_the_way(30, floor=20, goal=60, higher_is_better=True) == 25
    assert share_of_the_way(0.9, floor=1.0, goal=0.6, higher_is_better=False) == pytest.approx(25)
    assert share_of_the_way(70, floor=20, goal=60, higher_is_better=True) == 125
    assert share_of_the_way(10, floor=20, goal=60, higher_is_better=True) == -25


@pytest.mark.parametrize(("goal", "better"), [(20, True), (19, True), (20, False), (21, False)])
def test_where_own_labels_gain_nothing_there_is_no_way(goal, better):
    assert share_of_the_way(30, floor=20, goal=goal, higher_is_better=better) is None


def row(client, task, split, share, **values):
    named = {"method": "fedavg", "client": client, "task": task, "split": split, "metric": "rmse"}
    return {
        **named,
        "higher_is_better": False,
        **dict.fromkeys(VALUES, 2.0),
        "delta": 1.0,
        "share": share,
        **values,
    }


def test_the_table_has_means_over_clients_and_over_all_rows():
    rows = [
        row("a", "depth", "test", 50.0, others=1.0),
        row("b", "depth", "test", 100.0, others=2.0),
        row("a", "edge", "test", None, delta=4.0),
        row("a", "depth", "val", 0.0),
    ]
    depth, edge, everything = table(rows)
    assert (depth["task"], depth["metric"], depth["clients"]) == ("depth", "rmse ↓", 2)
    assert (depth["others"], depth["alone"], depth["share"], depth["delta"]) == (1.5, 2.0, 75.0, 1.0)
    assert (edge["task"], edge["share"], edge["delta"]) == ("edge", None, 4.0)
    assert everything == {"method": "fedavg", "task": "all", "share": 75.0, "delta": 2.0}
    # Without test images, those of validation count.
    assert [each["share"] for each in table(rows[3:])] == [0.0, 0.0]


def test_every_client_is_measured_on_every_task_that_it_never_labelled(on_the_tiny_federation):
    rows = new_tasks.run(["federation.evaluate_test=true"], jobs=1)
    measured = [(row["method"], row["client"], row["task"], row["split"]) for row in rows]
    assert sorted(measured) == sorted(
        (method, *pair, split)
        for method in new_tasks.METHODS
        for pair in LACKING
        for split in ("val", "test")
    )
    for each in rows:
        values = [each[name] for name in VALUES]
        assert all(value is not None and math.isfinite(value) for value in values), each
        others, _, alone, floor = values
        assert each["share"] == share_of_the_way(others, floor, alone, each["higher_is_better"])
    # Methods differ in what they predict, not in what they are measured by.
    of_place = [
        each for each in rows if (each["client"], each["task"], each["split"]) == ("b", "depth", "test")
    ]
    assert len(of_place) == len({each["others"] for each in of_place}) == 2
    assert len({(each["alone"], each["floor"]) for each in of_place}) == 1
    assert {each["task"] for each in table(rows)} == {"depth", "room_type", "semseg", "all"}


def test_a_method_that_is_set_is_measured_alone(on_the_tiny_federation):
    rows = new_tasks.run(["method.name=fedprox", "method.mu=0.1", "rounds=1"], jobs=1)
    assert {(row["method"], row["split"]) for row in rows} == {("fedprox", "val")}
    assert {(row["client"], row["task"]) for row in rows} == LACKING


@pytest.mark.parametrize(
    ("method", "group"), [("fedper", "head/depth"), ("fedrep", "head/depth"), ("local", "adapter/depth")]
)
def test_a_method_whose_heads_stay_at_home_is_refused_before_anything_trains(
    on_the_tiny_federation, method, group
):
    with pytest.raises(ConfigError, match=f"method '{method}' keeps '{group}' at those who train it"):
        new_tasks.run([f"method.name={method}"])


def test_where_everybody_labels_everything_no_task_is_new(on_the_tiny_federation):
    with pytest.raises(ConfigError, match="none is new to anybody"):
        new_tasks.run([f"clients.{client}.tasks=[semseg]" for client in "abc"])


def test_images_that_are_divided_by_ones_own_labels_are_refused(on_the_tiny_federation):
    skewed = ["data.partition.kind=dirichlet", "data.partition.alpha=1000"]
    skewed += [f"clients.{client}.sites=[]" for client in "abc"]
    with pytest.raises(ConfigError, match=r"data\.partition\.task: is empty"):
        new_tasks.run([*skewed, "clients.c.tasks=[room_type]", "clients.a.tasks=[semseg]"])
