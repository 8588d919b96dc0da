"""Runs in which the server sees sums alone: they are those of a plain run, and nothing else is to be seen."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from flwr.app import Error, Message

from clients.participant import Participant
from fedmtl.checkpoints import load_checkpoint
from fedmtl.errors import ConfigError, RunError, TooFewClientsError
from fedmtl.loading import load_newest
from fedmtl.models.vectors import GroupVectors
from fedmtl.reporting.history import History
from fedmtl.reporting.report import render_report
from fedmtl.run_directory import OWN_METRICS, RunDirectory
from fedmtl.scenario import to_yaml
from server.secure_strategy import SecureStrategy
from simulations.inprocess import run_inprocess
from simulations.inspection import group_table
from simulations.own_metrics import events_of_all
from tests.federations import Wire, events_of, initial_of, kind_of, payload_of, reply_with, run_on, vectors_of
from tests.secure_federation import CLIENTS, SUMS, client_of, create, furthest, groups_of
from tests.server.hostile import array

SHARED = {"backbone", "head/semseg", "head/depth"}
AT_HOME = {"head/edge", "head/saliency", "head/room_type"}


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A run of one round in which the server sees everything; groups of few holders stay at home as well."""
    directory = create(tmp_path_factory.mktemp("plain") / "run")
    run_inprocess(directory)
    return directory


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    """The same under secure sums, and the wire that it went over."""
    wire = Wire(create(tmp_path_factory.mktemp("secure") / "run", SUMS))
    return run_on(wire, wire.directory), wire


def losing(kind, clients):
    """Answers of these clients to messages of this kind never arrive."""

    def alter(asked, reply):
        if kind_of(asked) == kind and client_of(asked) in clients:
            return Message(Error(1000, "is gone"), reply_to=asked)
        return reply

    return alter


def test_the_sums_are_those_of_a_plain_run(plain, secure):
    directory, _ = secure
    assert furthest(plain, directory) < 1e-5
    assert not events_of(directory, "failure")
    header, _ = load_checkpoint(directory.checkpoints)
    assert {client.accepted for client in header.clients.values()} == {1}


@pytest.mark.parametrize("method", ["blend", "fedadam", "fedprox"])
def test_so_are_those_of_other_methods(method, tmp_path):
    one, other = (
        create(tmp_path / "one", f"method.name={method}"),
        create(tmp_path / "other", f"method.name={method}", SUMS),
    )
    for directory in (one, other):
        run_inprocess(directory)
    assert furthest(one, other) < 1e-5
    assert not events_of(other, "failure")


def test_groups_of_few_holders_stay_with_them(secure):
    directory, wire = secure
    header, _ = load_checkpoint(directory.checkpoints)
    assert set(header.leaving) >= SHARED
    assert not AT_HOME & set(header.leaving)
    for asked, reply in wire.carried:
        told = payload_of(asked)
        assert not AT_HOME & set(told.get("versions", ()))
        assert not {name for name in vectors_of(reply) if name in AT_HOME}
    initial = initial_of(directory)
    assert np.array_equal(groups_of(directory)["head/edge"], initial["head/edge"])
    private, _ = directory.private_states("d").read(1)
    assert (private["head/edge"] != initial["head/edge"]).any()
    assert "head/depth" not in private


def test_a_clients_model_has_its_own_part_of_what_stays_at_home(secure):
    directory, _ = secure
    private, _ = directory.private_states("d").read(1)
    vectors = GroupVectors(load_newest(directory, "d").network)
    assert np.array_equal(vectors.read("head/edge"), private["head/edge"])
    assert np.array_equal(vectors.read("head/depth"), groups_of(directory)["head/depth"])
    policies = {group.name: group.policy for group in group_table(directory)}
    assert {policies[group] for group in AT_HOME} == {"home"}
    assert {policies[group] for group in SHARED} == {"shared"}
    assert policies["norm_stats"] == "private"


def test_metrics_are_those_of_all_together_where_enough_measure_a_task(plain, secure):
    directory, _ = secure
    expected = {
        (event["task"], event["metric"]): event["value"]
        for event in events_of(plain, "metric", client=None, split="val")
        if event["task"] in ("semseg", "depth")
    }
    found = {
        (event["task"], event["metric"]): event["value"]
        for event in events_of(directory, "metric", client=None, split="val")
    }
    assert found == pytest.approx(expected, rel=1e-3)
    assert {event["client"] for event in events_of(directory, "metric")} == {None}
    losses = {event["task"]: event["value"] for event in events_of(directory, "metric", metric="loss")}
    assert set(losses) == {"semseg", "depth"}
    of_each = [event["value"] for event in events_of(plain, "metric", metric="loss", task="depth")]
    assert losses["depth"] == pytest.approx(sum(of_each) / len(of_each), rel=1e-4)  # of four images each


def test_no_message_tells_how_many_images_a_client_has_or_how_well_it_does(secure):
    """Four training images a client, two to validate: numbers, losses and times appear in no answer."""
    _, wire = secure
    answers = [(kind_of(asked), payload_of(reply), vectors_of(reply)) for asked, reply in wire.carried]
    kinds = {kind for kind, _, _ in answers}
    assert kinds == {
        *("query.describe", "query.join", "query.deal", "query.unmask", "train.secure", "evaluate.secure")
    }
    for kind, payload, vectors in answers:
        if kind == "query.describe":
            assert not payload["counted"]
            counts = {payload[key] for key in ("images", "val_images", "test_images")}
            assert counts | set(payload["labelled"].values()) <= {0, 1}
        else:
            assert not _numbers(payload) - {1}  # the round
        if kind in ("train.secure", "evaluate.secure"):
            assert {vector.dtype for vector in vectors.values()} <= {"uint32", "uint64"}
            assert set(payload) == {"client", "round", "upload"}
        else:
            assert not vectors


def test_what_travels_masked_looks_like_nothing(secure):
    _, wire = secure
    words = np.concatenate(
        [
            np.frombuffer(vectors_of(reply)["backbone"].data, np.uint32)
            for asked, reply in wire.carried
            if kind_of(asked) == "train.secure"
        ]
    )
    counts = np.bincount(words.view(np.uint8), minlength=256)
    expected = counts.sum() / 256
    assert (
        (counts - expected) ** 2 / expected
    ).sum() < 400  # chi-square of 255 degrees: beyond it in 1 of 10^8


def _numbers(payload):
    """Every number in a message."""
    if isinstance(payload, dict):
        return set().union(*map(_numbers, payload.values())) if payload else set()
    if isinstance(payload, list):
        return set().union(*map(_numbers, payload)) if payload else set()
    return {payload} if isinstance(payload, int | float) and not isinstance(payload, bool) else set()


def test_clients_know_what_the_server_does_not(secure):
    directory, _ = secure
    own = [json.loads(line) for line in (directory.client_folder("d") / OWN_METRICS).read_text().splitlines()]
    assert {event["task"] for event in own if event["split"] == "val"} == {"semseg", "depth", "edge"}
    assert {event["metric"] for event in own if event["split"] == "train"} == {"loss"}
    history = History.of(events_of_all(directory))
    assert all(history.primary(client, "semseg") for client in CLIENTS)


def test_the_report_says_what_is_hidden_and_what_stays_at_home(secure, plain):
    directory, _ = secure
    page = render_report(History.of(events_of(directory)))
    assert "Secure sums: the server learned" in page
    assert "<code>head/edge</code>" in page
    assert "honest but curious" in page
    assert "Secure sums: the server learned" not in render_report(History.of(events_of(plain)))


def test_secrets_are_nobody_elses(secure):
    directory, _ = secure
    files = list((directory.client_folder("a") / "secure").iterdir())
    assert "keyring" in {path.name for path in files}
    assert all(path.stat().st_mode & 0o077 == 0 for path in files)


def test_a_client_that_lost_its_key_is_told_to_wait_for_the_next_run(secure, tmp_path):
    """The others know it by that key, and would refuse every round with another."""
    directory, _ = secure
    shutil.copytree(directory.path, tmp_path / "run")
    again = RunDirectory.open(tmp_path / "run")
    (again.client_folder("b") / "secure" / "keyring").unlink()
    (again.path / "config.yaml").write_text(to_yaml(replace(again.scenario, rounds=2)))
    with pytest.raises(
        RunError, match="b has lost its key for secure sums: it can take part in the next run"
    ):
        run_inprocess(RunDirectory.open(again.path))


@pytest.mark.parametrize("kind", ["query.deal", "train.secure"])
def test_who_is_gone_before_its_part_arrives_is_no_part_of_the_sum(kind, tmp_path):
    """Of depth, two holders are left: it stays as it was, and so do those who hold it."""
    directory = create(tmp_path / "run", SUMS)
    run_on(Wire(directory, losing(kind, {"c"})), directory)
    phase = {"query.deal": "deal", "train.secure": "train"}[kind]
    failures = [(event["client"], event["phase"]) for event in events_of(directory, "failure")]
    assert failures[0] == ("c", phase)
    assert {client for client, _ in failures} == {"c"}
    reference = create(tmp_path / "reference")
    run_on(Wire(reference, losing("train", {"c"})), reference)
    mine, theirs = groups_of(directory), groups_of(reference)
    assert np.abs(mine["backbone"] - theirs["backbone"]).max() < 1e-5
    for groups in (mine, theirs):  # in clear as well: a would see in the new value what d has added
        assert np.array_equal(groups["head/depth"], initial_of(directory)["head/depth"])


def test_who_is_gone_after_its_part_arrived_is_part_of_the_sum(plain, tmp_path):
    directory = create(tmp_path / "run", SUMS)
    run_on(Wire(directory, losing("query.unmask", {"a", "e"})), directory)
    assert furthest(plain, directory) < 1e-5
    assert {e["phase"] for e in events_of(directory, "failure")} == {"unmask"}


def test_where_too_few_help_to_open_it_the_round_counts_for_nobody(plain, tmp_path):
    directory = create(tmp_path / "run", SUMS)
    with pytest.raises(TooFewClientsError, match="no sum of round 1 can be opened"):
        run_on(Wire(directory, losing("query.unmask", {"a", "b", "e"})), directory)
    assert not directory.checkpoints.rounds()
    run_inprocess(directory)  # resumes: another attempt, with other secrets
    assert furthest(plain, directory) < 1e-5


def test_a_round_that_was_opened_over_others_is_not_opened_again(tmp_path):
    directory = create(tmp_path / "run", SUMS, "rounds=2")
    wire = Wire(directory, losing("train.secure", {"e"}))
    with pytest.raises(KeyboardInterrupt):
        run_on(wire, directory, [_stop_after_opening])
    assert not directory.checkpoints.rounds()
    with pytest.raises(TooFewClientsError, match="was opened over other clients before"):
        run_inprocess(directory)
    again = Wire(directory, losing("train.secure", {"e"}))
    run_on(again, directory)


def _stop_after_opening(event):
    if event["event"] == "train":
        raise KeyboardInterrupt


def test_bad_parts_cost_their_sender_the_round(plain, tmp_path):
    directory = create(tmp_path / "run", SUMS)
    lies = {
        "a": lambda vectors: vectors.update(backbone=array(np.zeros(3, np.uint32))),
        "b": lambda vectors: vectors.update(surplus=vectors["backbone"]),
    }

    def lie(asked, reply):
        if kind_of(asked) != "train.secure" or client_of(asked) not in lies:
            return reply
        vectors = vectors_of(reply)
        lies[client_of(asked)](vectors)
        return reply_with(asked, payload_of(reply), vectors)

    run_on(Wire(directory, lie), directory)
    told = {event["client"]: event["error"] for event in events_of(directory, "failure", phase="train")}
    assert "a sends a part of 'backbone' that has shape (3,)" in told["a"]
    assert "b sends the sum 'surplus', which was not asked for" in told["b"]
    header, _ = load_checkpoint(directory.checkpoints)
    assert {name: progress.accepted for name, progress in header.clients.items()} == {
        "a": 0,
        "b": 0,
        "c": 1,
        "d": 1,
        "e": 1,
    }


def test_an_update_beyond_the_agreed_range_sits_the_round_out(tmp_path, monkeypatch):
    true = Participant.work

    def wild(self, instruction, encoded):
        trained = true(self, instruction, encoded)
        if self.site.client == "b":
            trained.updates["backbone"][0] = 9.0
        return trained

    monkeypatch.setattr(Participant, "work", wild)
    directory = create(tmp_path / "run", SUMS)
    run_inprocess(directory)
    (failure,) = events_of(directory, "failure")
    assert (failure["client"], failure["phase"]) == ("b", "train")
    assert "'backbone'" in failure["error"]
    assert not directory.private_states("b").rounds()


def test_methods_and_codecs_that_cannot_be_added_up_are_refused(tmp_path):
    for index, (override, words) in enumerate(
        {
            "method.name=kinship": "needs every client's own update",
            "exchange.up.name=int8": "set exchange.up",
        }.items()
    ):
        with pytest.raises(ConfigError, match=words):
            run_inprocess(create(tmp_path / str(index), SUMS, override))


def test_two_clients_are_too_few(tmp_path):
    directory = create(tmp_path / "run", SUMS, "federation.fraction=0.4")
    with pytest.raises(TooFewClientsError, match=r"round 1 has 2 clients, and privacy\.min_holders is 3"):
        run_inprocess(directory)


def test_a_round_of_too_few_that_were_drawn_one_by_one_is_one_without_training(tmp_path):
    overrides = ("federation.sampling=poisson", "federation.fraction=0.01", "federation.evaluate_every=0")
    directory = create(tmp_path / "run", SUMS, *overrides)
    run_inprocess(directory)
    assert not events_of(directory, "train", "failure")
    assert max(np.abs(v - initial_of(directory)[g]).max() for g, v in groups_of(directory).items()) == 0


def test_a_model_that_no_round_has_changed_is_not_measured_again(tmp_path, monkeypatch):
    """By other clients, its statistics would tell what one of them has."""
    drawn = {1: list(CLIENTS), 2: [], 3: list(CLIENTS)}
    monkeypatch.setattr(SecureStrategy, "_sample", lambda self, number: drawn[number])
    directory = create(tmp_path / "run", SUMS, "federation.sampling=poisson", "rounds=3")
    run_on(Wire(directory), directory)
    assert {event["round"] for event in events_of(directory, "train")} == {1, 3}
    assert {event["round"] for event in events_of(directory, "evaluate")} == {1, 3}


def test_nor_is_one_from_a_checkpoint(tmp_path, monkeypatch):
    """The server that made it may have measured it."""

    class StopError(Exception):
        pass

    def drawn(self, number):
        if number == 2 and not restarted:
            raise StopError
        return list(CLIENTS) if number != 2 else []

    monkeypatch.setattr(SecureStrategy, "_sample", drawn)
    directory, restarted = create(tmp_path / "run", SUMS, "federation.sampling=poisson", "rounds=3"), False
    with pytest.raises(StopError):
        run_inprocess(directory)
    restarted = True
    run_inprocess(directory)
    assert {event["round"] for event in events_of(directory, "evaluate")} == {1, 3}


def test_what_travels_down_may_be_coded(plain, tmp_path):
    directory = create(tmp_path / "run", SUMS, "exchange.down.name=int8", "rounds=2")
    run_inprocess(directory)
    assert not events_of(directory, "failure")
