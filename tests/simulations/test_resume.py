"""kill -9, then resume: the same bits as the run that nobody killed."""

import shutil

import pytest
from flwr.app import Error, Message

from fedmtl.cli import main
from fedmtl.deployment.run_state import queue_run
from fedmtl.errors import RunError
from fedmtl.run_directory import RunDirectory
from simulations.inprocess import run_inprocess
from tests.federations import (
    CLIENTS,
    Wire,
    client_of,
    create,
    events_of,
    is_train,
    kind_of,
    models_of,
    reply_with,
    run_on,
    story_of,
)
from tests.simulations.victim import killed_after_event, killed_before_the_reply

SPARSE = ("rounds=4", "checkpoint.every=2", "training.keep_optimizer=true")


@pytest.fixture(scope="module")
def straight_sparse(tmp_path_factory):
    directory = create(tmp_path_factory.mktemp("sparse") / "run", *SPARSE)
    run_inprocess(directory)
    return directory


def assert_equal_to(straight, resumed):
    assert models_of(resumed) == models_of(straight)
    assert story_of(resumed) == story_of(straight)


def test_killed_after_a_client_saved_and_before_it_replied(tmp_path, straight, capsys):
    directory = create(tmp_path / "run")
    killed_before_the_reply(directory, "b", 2)
    assert directory.checkpoints.rounds() == [1]
    assert directory.private_states("b").rounds() == [1, 2]
    with pytest.raises(SystemExit) as exit_:
        main(["resume", str(directory.path)])
    assert exit_.value.code in (0, None)
    assert_equal_to(straight, directory)
    assert [event["round"] for event in events_of(directory, "resume")] == [1]
    assert directory.report.exists()
    assert str(directory.report) in capsys.readouterr().out.replace("\n", "")


def test_killed_between_checkpoints_with_a_kept_optimizer(tmp_path, straight_sparse):
    directory = create(tmp_path / "run", *SPARSE)
    killed_after_event(directory, "b", 4)
    assert directory.checkpoints.rounds() == [2]
    # It can go back to the checkpoint's round, to the last accepted one, and stands at the present one.
    assert directory.private_states("b").rounds() == [2, 3, 4]
    assert [event["client"] for event in events_of(directory, "train", round=4)] == ["a", "b"]
    run_inprocess(directory)
    assert_equal_to(straight_sparse, directory)
    assert [event["round"] for event in events_of(directory, "resume")] == [2]


@pytest.mark.parametrize("method", ["ditto", "fedamp"])
def test_a_clients_own_copies_survive(method, tmp_path):
    overrides = (f"method.name={method}", "training.keep_optimizer=true")
    straight = create(tmp_path / "straight", *overrides)
    run_inprocess(straight)
    directory = create(tmp_path / "run", *overrides)
    killed_before_the_reply(directory, "b", 2)
    assert directory.checkpoints.rounds() == [1]
    run_inprocess(directory)
    assert models_of(directory) == models_of(straight)
    # It has the groups of the message that it got before the kill, and they are not sent again.
    told, retold = (story_of(each, but_for=["bytes_down"]) for each in (straight, directory))
    assert retold == told


def test_killed_before_the_first_checkpoint_while_it_was_being_written(tmp_path, straight_sparse):
    directory = create(tmp_path / "run", *SPARSE)
    killed_after_event(directory, "c", 2)
    partials = [
        snapshots.path(2).with_suffix(".partial")
        for snapshots in (directory.checkpoints, directory.private_states("c"))
    ]
    for partial in partials:
        partial.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(b"half a checkpo")
    with directory.metrics.open("a") as file:
        file.write('{"event": "checkp')
    run_inprocess(directory)
    assert_equal_to(straight_sparse, directory)
    assert not [partial for partial in partials if partial.exists()]
    assert not events_of(directory, "resume")  # nothing was saved: it began anew


def test_killed_twice(tmp_path, straight):
    directory = create(tmp_path / "run")
    killed_before_the_reply(directory, "a", 2)
    killed_before_the_reply(directory, "c", 3)
    run_inprocess(directory)
    assert_equal_to(straight, directory)
    assert [event["round"] for event in events_of(directory, "resume")] == [1, 2]


def test_a_finished_run_is_not_trained_again(tmp_path, straight):
    shutil.copytree(straight.path, tmp_path / "run")
    directory = RunDirectory.open(tmp_path / "run")
    wire = Wire(directory)
    run_on(wire, directory)
    assert {kind_of(asked).split(".")[0] for asked, _ in wire.carried} == {"query"}
    assert models_of(directory) == models_of(straight)
    assert len(events_of(directory, "train")) == len(events_of(straight, "train"))


def test_whoever_cannot_join_again_is_logged_where_the_run_stands(tmp_path, straight):
    shutil.copytree(straight.path, tmp_path / "run")
    directory = RunDirectory.open(tmp_path / "run")

    def absent(asked, reply):
        return reply_with(asked, "{", {}) if client_of(asked) == "b" else reply

    with pytest.raises(RunError, match="only 2 of 3 clients joined"):
        run_on(Wire(directory, absent), directory)
    *before, failure, finish = events_of(directory)
    assert (failure["event"], finish["event"], finish["status"]) == ("failure", "finish", "failed")
    assert failure["round"] == finish["round"] == before[-1]["round"] == 3
    assert models_of(directory) == models_of(straight)


def test_a_round_without_any_good_reply_ends_the_run_and_resume_goes_on(tmp_path, straight):
    directory = create(tmp_path / "run")

    def power_cut(asked, reply):
        if any(is_train(asked, client, 2) for client in CLIENTS):
            return Message(Error(1000, "has no power"), reply_to=asked)
        return reply

    with pytest.raises(RunError, match=r"no client finished round 2; .* then resume"):
        run_on(Wire(directory, power_cut), directory)
    assert events_of(directory)[-1]["status"] == "failed"
    run_inprocess(directory)
    assert models_of(directory) == models_of(straight)
    assert story_of(directory, without=["resume", "failure"]) == story_of(straight)
    assert {event["client"] for event in events_of(directory, "failure")} == set(CLIENTS)


def test_nobody_is_told_to_resume_what_a_deployment_goes_on_with_by_itself(tmp_path):
    directory = create(tmp_path / "run")
    queue_run(directory.path)

    def power_cut(asked, reply):
        if any(is_train(asked, client, 1) for client in CLIENTS):
            return Message(Error(1000, "has no power"), reply_to=asked)
        return reply

    with pytest.raises(RunError, match=r"no client finished round 1; see the failures in metrics\.jsonl$"):
        run_on(Wire(directory, power_cut), directory)


@pytest.mark.parametrize(
    ("damage", "words"),
    [("lost", "is missing"), ("damaged", "is damaged"), ("another run's", "belongs to run")],
)
def test_a_client_without_its_private_state_fails_and_never_begins_anew(damage, words, tmp_path, straight):
    directory = create(tmp_path / "run")
    states = directory.private_states("b")

    def do_damage(event):
        if (event["event"], event["round"]) != ("checkpoint", 1):
            return
        match damage:
            case "lost":
                shutil.rmtree(states.folder)
            case "damaged":
                states.path(1).write_bytes(states.path(1).read_bytes()[:-100])
            case _:
                shutil.copy(straight.private_states("b").path(3), states.path(1))

    run_on(Wire(directory), directory, [do_damage])
    for number in (2, 3):
        failures = events_of(directory, "failure", round=number)
        assert [(event["client"], event["phase"]) for event in failures] == [
            ("b", "train"),
            ("b", "evaluate"),
        ]
        assert all(words in event["error"] and str(states.folder) in event["error"] for event in failures)
        assert [event["client"] for event in events_of(directory, "train", round=number)] == ["a", "c"]
    assert events_of(directory)[-1]["status"] == "finished"
