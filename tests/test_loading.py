from dataclasses import replace
from shutil import copy, copytree

import numpy as np
import pytest

import fedmtl
from fedmtl.aggregation import Policy, build_method
from fedmtl.best_model import BEST
from fedmtl.checkpoints import from_tensors, load_checkpoint
from fedmtl.errors import RunError
from fedmtl.export import Format, export
from fedmtl.loading import load, load_newest
from fedmtl.models.vectors import GroupVectors
from fedmtl.reporting.best_round import best_round
from fedmtl.reporting.events import read_events
from fedmtl.reporting.history import History
from fedmtl.run_directory import RunDirectory
from simulations.inprocess import run_inprocess
from simulations.inspection import evaluate_run
from tests.federations import CLIENTS, create, events_of, newest_of, tiny


def finished(path, *overrides):
    directory = create(path / "run", "rounds=1", *overrides)
    run_inprocess(directory)
    return directory


@pytest.fixture(scope="session")
def personal(tmp_path_factory):
    """One round of FedPer: heads never leave."""
    return finished(tmp_path_factory.mktemp("personal"), "method.name=fedper")


def measured_by_the_clients(directory, rounds=None):
    """What they measured in these rounds, by client; in the last, where there are none."""
    last = directory.scenario.rounds
    return {
        (e["client"], e["task"], e["metric"]): e["value"]
        for e in events_of(directory, "metric", split="val")
        if e["client"] is not None and e["round"] == (rounds[e["client"]] if rounds else last)
    }


def measured_by_loading(directory):
    return {
        (one.client, one.task, metric): value
        for one in evaluate_run(directory, "val")
        for metric, value in one.metrics.items()
    }


def test_a_loaded_model_is_the_one_its_client_evaluated_when_it_was_best(straight):
    history = History.of(read_events(straight.metrics))
    rounds = {}
    for client in CLIENTS:
        found = [history.primary(client, task) for task in history.tasks]
        curves = {str(i): each[1] for i, each in enumerate(found) if each}
        rounds[client] = best_round(curves)
    assert set(rounds.values()) != {straight.scenario.rounds}
    assert measured_by_loading(straight) == measured_by_the_clients(straight, rounds)


def test_without_any_it_is_that_of_the_newest_checkpoint(straight, tmp_path):
    expected = measured_by_the_clients(straight)
    assert {(client, task) for client, task, _ in expected} == {
        ("a", "depth"),
        ("a", "semseg"),
        ("b", "semseg"),
        ("c", "depth"),
        ("c", "room_type"),
    }
    assert measured_by_loading(newest_of(straight, tmp_path / "run")) == expected


@pytest.mark.parametrize(
    "overrides",
    [
        ["method.name=local"],
        ["method.name=fedbn"],
        ["model.context=all"],
        ["data.resize=pad", "data.image_size=[40,40]"],
        ["federation.fraction=0.34"],
        ["method.name=fedrep"],
        ["method.name=ditto", "model.context=all"],
        ["method.name=ditto", "federation.fraction=0.34"],
        ["method.name=fedamp", "model.context=all", "rounds=2"],
        ["method.name=fedamp", "federation.fraction=0.34", "rounds=2"],
        ["method.name=local", "model.context=all"],
    ],
    ids=" ".join,
)
def test_so_it_is_whatever_is_private_and_whoever_trained(tmp_path, overrides):
    directory = finished(tmp_path, *overrides)
    newest = newest_of(directory, tmp_path / "newest")
    assert measured_by_loading(newest) == measured_by_the_clients(directory)


def test_heads_that_stay_with_their_clients_are_loaded_from_them(personal, tmp_path):
    newest = newest_of(personal, tmp_path / "run")
    assert measured_by_loading(newest) == measured_by_the_clients(personal) == measured_by_loading(personal)


def test_a_head_that_never_left_its_client_cannot_be_had(personal):
    with pytest.raises(RunError, match="client 'b' has no 'head/depth': method 'fedper' keeps it"):
        load(personal.path, "b", ["depth"])


def test_shared_groups_are_the_federations_and_private_ones_the_clients(straight):
    model = load_newest(straight, "a")
    vectors = GroupVectors(model.network)
    header, tensors = load_checkpoint(straight.checkpoints)
    private, _ = straight.private_states("a").read(header.clients["a"].accepted)
    method = build_method(straight.scenario.method)
    compared = set()
    for group, layout in vectors.layouts.items():
        if group != "constant":
            shared = method.policy(group) is Policy.shared
            kept = from_tensors(tensors, {group: layout})[group] if shared else private[group]
            np.testing.assert_array_equal(vectors.read(group), kept)
            compared.add(group)
    assert {"backbone", "norm", "norm_stats", "head/depth", "router/depth/semseg"} <= compared


@pytest.mark.parametrize("method", ["ditto", "fedamp"])
def test_of_personal_groups_the_clients_own_copy_is_loaded(method, tmp_path):
    directory = finished(tmp_path, f"method.name={method}")
    header, tensors = load_checkpoint(directory.checkpoints)
    own, _ = directory.private_states("b").read(header.clients["b"].accepted)
    vectors = GroupVectors(load_newest(directory, "b").network)
    shared = from_tensors(tensors, {"head/semseg": vectors.layouts["head/semseg"]})["head/semseg"]
    np.testing.assert_array_equal(vectors.read("head/semseg"), own["head/semseg"])
    assert (own["head/semseg"] != shared).any()
    # A task that it never labelled comes from the federation, on its own backbone.
    both = GroupVectors(load(directory.path, "b", ["depth", "semseg"]).network)
    head = from_tensors(tensors, {"head/depth": both.layouts["head/depth"]})["head/depth"]
    np.testing.assert_array_equal(both.read("head/depth"), head)
    np.testing.assert_array_equal(both.read("backbone"), own["backbone"])


def test_a_model_comes_with_its_preprocessing(straight):
    model = load(straight.path, "c")
    assert (model.client, model.size, model.channels) == ("c", (32, 48), 3)
    assert list(model.tasks) == ["depth", "room_type"]
    assert not model.network.training


def test_tasks_that_a_client_never_labelled_come_from_the_federation(straight):
    model = load(straight.path, "b", ["depth", "semseg"])
    assert set(model.tasks) == {"depth", "semseg"}
    vectors = GroupVectors(model.network)
    _, tensors = load_checkpoint(straight.checkpoints)
    head = from_tensors(tensors, {"head/depth": vectors.layouts["head/depth"]})["head/depth"]
    np.testing.assert_array_equal(vectors.read("head/depth"), head)
    prediction = model.predict(np.zeros((32, 48, 3), np.uint8))
    assert prediction["depth"].shape == prediction["semseg"].shape == (32, 48)


def test_a_part_of_the_clients_own_tasks_is_predicted_by_its_best_model(straight):
    whole, part = load(straight.path, "a"), load(straight.path, "a", ["depth"])
    image = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    np.testing.assert_array_equal(part.predict(image)["depth"], whole.predict(image)["depth"])


def test_another_runs_best_model_is_told(straight, personal, tmp_path):
    copytree(straight.path, tmp_path / "run")
    run = RunDirectory.open(tmp_path / "run")
    copy(personal.client_folder("a") / BEST, run.client_folder("a") / BEST)
    with pytest.raises(RunError, match=r"best\.safetensors belongs to run"):
        load(run.path, "a")


def test_the_only_client_need_not_be_named(tmp_path):
    scenario = tiny("rounds=1")
    alone = replace(scenario, clients={"c": scenario.clients["c"]})
    directory = RunDirectory.create(tmp_path / "run", alone)
    run_inprocess(directory)
    assert load(directory.path).client == "c"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "has 3 clients; choose one of a, b, c"),
        ({"client": "d"}, "has no client 'd'; known: a, b, c"),
        ({"client": "a", "tasks": ["deph"]}, "the federation has no task 'deph'; did you mean 'depth'"),
    ],
)
def test_what_is_not_there_is_told(straight, arguments, message):
    with pytest.raises(RunError, match=message):
        load(straight.path, **arguments)


def test_a_folder_without_a_run_is_told(tmp_path):
    with pytest.raises(RunError, match="is not a run"):
        load(tmp_path / "nowhere")
    with pytest.raises(RunError, match="holds no checkpoint yet"):
        load(create(tmp_path / "run").path, "a")


def test_an_exported_model_is_loaded_by_its_folder(straight, tmp_path):
    export(load(straight.path, "c"), tmp_path, Format.none)
    for arguments in ({}, {"client": "c"}):
        assert list(fedmtl.load(tmp_path, **arguments).tasks) == ["depth", "room_type"]
    alone = fedmtl.load(tmp_path, tasks=["room_type"])
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    np.testing.assert_array_equal(
        alone.predict(image)["room_type"], load(tmp_path).predict(image)["room_type"]
    )
    assert set(alone.predict(image)) == {"room_type"}


def test_an_exported_model_is_nobody_elses(straight, tmp_path):
    export(load(straight.path, "c"), tmp_path, Format.none)
    with pytest.raises(RunError, match="is a model of client 'c', not of 'a'"):
        load(tmp_path, "a")
    with pytest.raises(RunError, match="has no task 'semseg'; known: depth, room_type"):
        load(tmp_path, tasks=["semseg"])


def test_a_run_can_be_moved(straight, tmp_path):
    moved = tmp_path / "elsewhere"
    copytree(straight.path, moved)
    assert RunDirectory.open(moved).identity == straight.identity
    assert measured_by_loading(RunDirectory.open(moved)) == measured_by_loading(straight)


def test_a_task_never_labelled_needs_no_client_adapter(tmp_path):
    """Pilot's never leave those who train them, and are zero until then."""
    directory = finished(tmp_path, "method.name=pilot")
    model = load(directory.path, "b", tasks=["depth"])
    assert set(model.tasks) == {"depth"}
    assert "client_adapter/depth" in GroupVectors(model.network).layouts
