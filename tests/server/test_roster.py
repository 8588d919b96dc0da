"""Who is admitted to a federation, and who is not."""

import json

import pytest
from flwr.app import Error, Message

from fedmtl.errors import RunError
from tests.federations import (
    CLIENTS,
    create,
    events_of,
    kind_of,
    models_of,
    payload_of,
    reply_with,
    run_on,
)
from tests.server.crowds import NODES, Crowd, answering, make


@pytest.fixture
def directory(tmp_path):
    return create(tmp_path / "run")


def test_everyone_is_described_and_joins_once(directory):
    roster, failures = make(directory)
    crowd = Crowd(directory)
    roster.wait_for(crowd, 3, timeout=5)
    roster.wait_for(crowd, 3, timeout=5)
    assert {name: member.node for name, member in roster.members.items()} == NODES
    assert [spec.name for spec in roster.federation.tasks] == ["depth", "room_type", "semseg"]
    assert crowd.asked("query.describe") == crowd.asked("query.join") == [2, 3, 4]
    assert not failures


def test_the_largest_weights_are_the_images_and_the_labels(directory):
    roster, _ = make(directory)
    roster.wait_for(Crowd(directory), 3, timeout=5)
    weights = roster.members["c"].largest_weights
    assert set(weights) == set(roster.members["c"].trains)
    assert set(weights.values()) == {4}
    assert set(roster.members["c"].statistics_sizes) == {"depth", "room_type"}


def test_two_nodes_of_one_name_are_one_client_and_a_refusal_that_names_both(directory):
    roster, failures = make(directory)
    crowd = Crowd(directory)
    crowd.add_node(9, "b")
    roster.wait_for(crowd, 3, timeout=5)
    assert {name: member.node for name, member in roster.members.items()} == NODES
    assert failures == [("node 9", "describe", "calls itself 'b', as node 3 does")]


def test_a_client_that_comes_back_on_a_new_node_is_admitted_when_the_old_one_is_gone(directory):
    """The new node may appear before Flower has noticed that the old one is dead."""
    roster, failures = make(directory)
    crowd = Crowd(directory)
    roster.wait_for(crowd, 3, timeout=5)
    crowd.add_node(9, "b")
    roster.refresh(crowd)
    assert roster.members["b"].node == 3
    assert len(failures) == 1
    crowd.present.remove(3)
    roster.refresh(crowd)
    assert roster.members["b"].node == 9
    assert sorted(roster.members) == list(CLIENTS)


def test_a_refused_node_is_not_asked_again(directory):
    roster, failures = make(directory)
    crowd = Crowd(directory)
    crowd.add_node(9, "b")
    for _ in range(3):
        roster.refresh(crowd)
    assert crowd.asked("query.describe").count(9) == 1
    assert len(failures) == 1


@pytest.mark.parametrize(
    ("change", "meaning"),
    [
        (lambda spec: spec.update(classes=["floor", "wall"]), "semseg of 2 classes (floor, wall)"),
        (lambda spec: spec.update(kind="human_parts"), "human_parts of"),
    ],
    ids=["other classes", "another kind"],
)
def test_a_task_name_with_two_meanings_is_refused_and_both_are_named(change, meaning, directory):
    roster, failures = make(directory)
    crowd = Crowd(
        directory, alter=answering(3, "query.describe", lambda payload: change(payload["tasks"][0]))
    )
    with pytest.raises(RunError, match="only 2 of 3 clients joined: b means by task 'semseg'"):
        roster.wait_for(crowd, 3, timeout=5)
    ((client, phase, why),) = failures
    assert (client, phase) == ("b", "describe")
    assert meaning in why
    assert "but client 'a' means semseg of " in why
    assert why.endswith("rename one")
    assert sorted(roster.members) == ["a", "c"]


def test_other_tensors_in_a_group_are_refused_and_the_group_is_named(directory):
    roster, failures = make(directory)
    lie = answering(3, "query.join", lambda payload: payload["train"].update({"head/semseg": "0" * 64}))
    with pytest.raises(
        RunError, match="only 2 of 3 clients joined: b has other tensors in group 'head/semseg'"
    ):
        roster.wait_for(Crowd(directory, alter=lie), 3, timeout=5)
    assert [failure[:2] for failure in failures] == [("b", "join")]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda payload: payload["train"].pop("backbone"), "does not list group 'backbone', which it trains"),
        (lambda payload: payload["train"].update({"head/depth": "0"}), "trains group 'head/depth', which is"),
        (
            lambda payload: payload["read"].update({"backbone": "0"}),
            "reads group 'backbone', which is not for",
        ),
    ],
)
def test_a_client_with_other_groups_than_the_servers_is_refused(change, words, directory):
    roster, failures = make(directory)
    roster.refresh(Crowd(directory, alter=answering(3, "query.join", change)))
    ((client, phase, why),) = failures
    assert (client, phase) == ("b", "join")
    assert words in why


@pytest.mark.parametrize("kind", ["query.describe", "query.join"])
@pytest.mark.parametrize(
    "text", ["{", "[]", json.dumps({"client": "b"}), json.dumps({"train": 1, "read": {}})]
)
def test_nonsense_is_refused(kind, text, directory):
    def alter(asked, reply):
        if kind_of(asked) == kind and asked.metadata.dst_node_id == 3:
            return reply_with(asked, text, {})
        return reply

    roster, failures = make(directory)
    roster.refresh(Crowd(directory, alter=alter))
    assert sorted(roster.members) == ["a", "c"]
    assert len(failures) == 1
    assert "holds no valid" in failures[0][2]


def test_an_error_reply_is_a_refusal(directory):
    def alter(asked, reply):
        if asked.metadata.dst_node_id == 3:
            return Message(Error(1000, "has no power"), reply_to=asked)
        return reply

    roster, failures = make(directory)
    roster.refresh(Crowd(directory, alter=alter))
    assert failures == [("node 3", "describe", "failed: has no power")]


def test_a_new_task_extends_the_table_and_everyone_joins_again(directory):
    roster, failures = make(directory)
    crowd = Crowd(directory, present=[2, 3])
    roster.wait_for(crowd, 2, timeout=5)
    assert [spec.name for spec in roster.federation.tasks] == ["depth", "semseg"]
    before = roster.blueprint
    crowd.present = [2, 3, 4]
    roster.refresh(crowd)
    assert [spec.name for spec in roster.federation.tasks] == ["depth", "room_type", "semseg"]
    assert crowd.asked("query.join") == [2, 3, 2, 3, 4]
    new = set(roster.blueprint.layouts) - set(before.layouts)
    assert {"head/room_type", "adapter/room_type"} <= new
    assert all("room_type" in group for group in new)
    for group, vector in before.initial.items():
        assert vector.tobytes() == roster.blueprint.initial[group].tobytes()
    assert not failures


def test_a_latecomer_without_a_new_task_joins_alone(directory):
    roster, _ = make(directory)
    crowd = Crowd(directory, present=[2, 4])
    roster.wait_for(crowd, 2, timeout=5)
    crowd.present = [2, 3, 4]
    roster.refresh(crowd)
    assert crowd.asked("query.join") == [2, 4, 3]
    assert sorted(roster.members) == list(CLIENTS)


def test_a_client_that_arrives_leaves_and_comes_back_in_a_run(tmp_path):
    """c brings a task in round 2, is gone in round 3, and is back on another node in round 4."""
    directory = create(tmp_path / "run", "rounds=4", "federation.min_clients=2")
    crowd = Crowd(directory, present=[2, 3])

    def schedule(event):
        if event["event"] == "checkpoint":
            match event["round"]:
                case 1:
                    crowd.present = [2, 3, 4]
                case 2:
                    crowd.present = [2, 3]
                case 3:
                    crowd.add_node(9, "c")

    run_on(crowd, directory, [schedule])
    trained = {
        number: [event["client"] for event in events_of(directory, "train", round=number)]
        for number in (1, 2, 3, 4)
    }
    assert trained == {1: ["a", "b"], 2: ["a", "b", "c"], 3: ["a", "b"], 4: ["a", "b", "c"]}
    assert not events_of(directory, "failure")
    instruction = next(
        payload_of(asked)
        for asked, _ in crowd.carried
        if asked.metadata.dst_node_id == 9 and kind_of(asked) == "train"
    )
    assert (instruction["round"], instruction["accepted"]) == (4, 2)
    assert set(models_of(directory)["private"]) == set(CLIENTS)
    assert [spec.name for spec in models_of(directory)["header"].tasks] == ["depth", "room_type", "semseg"]


def test_groups_that_too_few_train_stay_with_them(tmp_path):
    """semseg is labelled by a and b, depth by a and c, room_type by c alone."""
    roster, _ = make(create(tmp_path / "run", "privacy.min_holders=2"))
    crowd = Crowd(create(tmp_path / "again", "privacy.min_holders=2"))
    roster.wait_for(crowd, 3, timeout=60)
    assert "head/room_type" in roster.leaving.home
    assert not {"backbone", "head/depth", "head/semseg"} & set(roster.leaving.home)
    assert "head/room_type" not in roster.members["c"].trains
    assert {"backbone", "head/depth"} <= set(roster.members["c"].trains)
    assert roster.federation.home == roster.leaving.home


def test_who_comes_before_the_first_round_changes_what_stays_and_who_comes_later_does_not(tmp_path):
    roster, _ = make(create(tmp_path / "run", "privacy.min_holders=2"))
    crowd = Crowd(create(tmp_path / "again", "privacy.min_holders=2"), present=[2])
    roster.refresh(crowd)
    assert "backbone" in roster.leaving.home
    assert not roster.members["a"].trains
    crowd.present.append(3)
    roster.refresh(crowd)
    assert "head/depth" in roster.leaving.home
    assert {"backbone", "head/semseg"} <= set(roster.members["a"].trains)
    leaving = roster.settle()
    crowd.present.append(4)
    roster.refresh(crowd)
    assert roster.settle() == leaving
    assert {"head/depth", "head/room_type"} <= set(
        roster.leaving.home
    )  # depth has two now, one of them with a past of its own
    assert "backbone" in roster.members["c"].trains


def test_without_a_least_number_of_holders_nothing_stays(directory):
    roster, _ = make(directory)
    roster.wait_for(Crowd(directory), 3, timeout=60)
    assert roster.leaving.home == roster.federation.home == ()
