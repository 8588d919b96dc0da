"""The in-process engine as a Flower grid, and federations of unlike sites on it."""

import gc

import numpy as np
import pytest
from flwr.app import ConfigRecord, Message, RecordDict

from clients.participant import Participant
from fedmtl.loading import load
from simulations.engines import Engine, run
from simulations.inprocess import InProcessGrid, run_inprocess
from simulations.inspection import evaluate_run
from tests.federations import (
    Wire,
    create,
    events_of,
    initial_of,
    kind_of,
    models_of,
    payload_of,
    run_on,
    story_of,
    vectors_of,
)
from tests.server.hostile import values
from tests.spectral import write_spectral


def echo(message, context):
    """A client app that says which partition it runs for."""
    if message.content["x"]["fail"]:
        raise ValueError("no")
    return Message(
        RecordDict({"x": ConfigRecord({"partition": context.node_config["partition-id"]})}), reply_to=message
    )


def to(node, fail=False):
    return Message(RecordDict({"x": ConfigRecord({"fail": fail})}), node, "train")


@pytest.fixture
def grid():
    return InProcessGrid(echo, 3, {})


def test_a_pull_computes_one_reply_in_the_order_of_the_push(grid):
    nodes = list(grid.get_node_ids())
    ids = list(grid.push_messages([to(node) for node in nodes]))
    seen = []
    for _ in nodes:
        (reply,) = grid.pull_messages(ids)
        seen.append((reply.metadata.src_node_id, reply.content["x"]["partition"]))
        assert reply.metadata.reply_to_message_id == ids[len(seen) - 1]
    assert seen == [(node, partition) for partition, node in enumerate(nodes)]
    assert list(grid.pull_messages(ids)) == []


def test_only_what_was_asked_for_is_computed(grid):
    first, second = grid.push_messages([to(2), to(3)])
    (reply,) = grid.pull_messages([second])
    assert reply.metadata.src_node_id == 3
    assert list(grid.pull_messages([second, "unknown"])) == []
    (reply,) = grid.pull_messages([first])
    assert reply.metadata.src_node_id == 2


def test_a_client_that_raises_answers_with_an_error(grid):
    replies = list(grid.send_and_receive([to(2), to(3, fail=True), to(4)]))
    assert [reply.has_error() for reply in replies] == [False, True, False]
    assert replies[1].error.reason == "ValueError: no"
    assert replies[1].metadata.src_node_id == 3


def test_ctrl_c_in_a_client_ends_the_run():
    def interrupted(message, context):
        raise KeyboardInterrupt

    grid = InProcessGrid(interrupted, 1, {})
    with pytest.raises(KeyboardInterrupt):
        list(grid.send_and_receive([to(2)]))


def test_an_interrupted_run_is_logged_as_stopped_and_goes_on_from_its_checkpoint(tmp_path, straight):
    directory = create(tmp_path / "run")

    def interrupt(event):
        if (event["event"], event["round"]) == ("train", 2):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(directory, Engine.inprocess, [interrupt])
    last = events_of(directory)[-1]
    assert (last["event"], last["status"], last["round"]) == ("finish", "stopped", 2)
    run(directory, Engine.inprocess)
    assert models_of(directory) == models_of(straight)
    assert story_of(directory) == story_of(straight)


def test_listeners_hear_every_event_as_it_is_written(tmp_path):
    directory, heard = create(tmp_path / "run", "rounds=1"), []
    run_inprocess(directory, [heard.append])
    assert heard == events_of(directory)


def test_a_round_longer_than_its_timeout_is_not_cut_short(tmp_path):
    """Here clients compute while the server waits: time that they take is no silence."""
    directory = create(tmp_path / "run", "rounds=1", "federation.round_timeout=0.001")
    run_inprocess(directory)
    assert not events_of(directory, "failure")
    assert len(events_of(directory, "train")) == 3


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Two RGB sites with dense labels, and one hyperspectral site with a table of labels."""
    root = tmp_path_factory.mktemp("mixed")
    field = write_spectral(root / "field")
    directory = create(
        root / "run",
        f"data.sources.field={{kind: folder, path: {field}}}",
        "data.partition.kind=iid",
        "clients.a.sites=[]",
        "clients.b.sites=[]",
        "clients.c={source: field, tasks: [crop, yield], sites: []}",
        "rounds=2",
    )
    wire = Wire(directory)
    run_on(wire, directory)
    return directory, wire.carried


def of_client(carried, kind, node, number=1):
    return next(
        pair
        for pair in carried
        if kind_of(pair[0]) == kind
        and pair[0].metadata.dst_node_id == node
        and payload_of(pair[0])["round"] == number
    )


def test_sites_of_unlike_sensors_share_all_but_their_stems(mixed):
    directory, carried = mixed
    assert not events_of(directory, "failure")
    groups = {node: set(vectors_of(of_client(carried, "train", node)[1])) for node in (2, 3, 4)}
    assert {"stem/3"} == {g for g in groups[2] | groups[3] if g.startswith("stem")}
    assert {"stem/5"} == {g for g in groups[4] if g.startswith("stem")}
    common = groups[2] & groups[3] & groups[4]
    assert {"backbone", "norm", "attention"} <= common
    for group in common:
        sizes = {vectors_of(of_client(carried, "train", node)[1])[group].shape for node in (2, 3, 4)}
        assert len(sizes) == 1


def test_each_stem_is_folded_over_its_own_kind_of_site_and_the_trunk_over_all(mixed):
    directory, carried = mixed
    before = initial_of(directory)
    after = {node: vectors_of(of_client(carried, "evaluate", node)[0]) for node in (2, 3, 4)}
    first = {node: of_client(carried, "train", node) for node in (2, 3, 4)}
    for group, nodes in {"stem/5": [4], "stem/3": [2, 3], "backbone": [2, 3, 4]}.items():
        weights = [payload_of(first[node][1])["weights"][group] for node in nodes]
        updates = [values(vectors_of(first[node][1])[group]).astype(np.float64) for node in nodes]
        mean = sum(w * u for w, u in zip(weights, updates, strict=True)) / sum(weights)
        assert np.abs(mean).max() > 0
        np.testing.assert_allclose(values(after[nodes[0]][group]), before[group] + mean, rtol=1e-5, atol=1e-6)


def test_a_hyperspectral_site_gets_a_model_of_its_own_sensor(mixed):
    directory, _ = mixed
    model = load(directory.path, "c")
    prediction = model.predict(np.random.default_rng(0).normal(size=(32, 48, 5)).astype(np.float32))
    assert set(prediction) == {"crop", "yield"}
    measured = {(m.client, m.task) for m in evaluate_run(directory, "val")}
    assert {("c", "crop"), ("c", "yield")} <= measured
    values_ = events_of(directory, "metric", client="c", round=2, split="val")
    assert all(event["value"] is not None for event in values_ if event["primary"])


def test_a_run_that_is_over_leaves_no_client_in_memory(tmp_path):
    directory = create(tmp_path / "run", "rounds=1", "data.sources.rooms.train=2", "data.sources.rooms.val=1")
    run_inprocess(directory)
    gc.collect()
    assert not [
        each
        for each in gc.get_objects()
        if type(each) is Participant and each.snapshots.folder.is_relative_to(tmp_path)
    ]
