"""Whole runs by other codecs: how many bytes they take, and that nothing but bytes depends on who was sent what."""

import shutil

import numpy as np
import pytest
from flwr.app import Array, Error, Message

from clients import app as client_module
from fedmtl.checkpoints import load_checkpoint
from fedmtl.errors import ConfigError, RunError
from fedmtl.exchange.messages import Description
from fedmtl.reporting.history import History
from fedmtl.reporting.report import render_report
from simulations.inprocess import run_inprocess
from simulations.replay import replay
from tests.federations import (
    Wire,
    create,
    events_of,
    is_train,
    kind_of,
    models_of,
    payload_of,
    reply_with,
    run_on,
    vectors_of,
)

INT8 = ("exchange.up.name=int8", "exchange.down.name=int8")
TWO = ("data.sources.rooms.train=2", "data.sources.rooms.val=1")


def traffic(directory):
    rounds = events_of(directory, "round")
    return sum(event["bytes_up"] for event in rounds), sum(event["bytes_down"] for event in rounds)


@pytest.fixture(scope="module")
def straight_int8(tmp_path_factory):
    directory = create(tmp_path_factory.mktemp("int8") / "run", *INT8)
    run_inprocess(directory)
    assert not events_of(directory, "failure")
    return directory


def test_int8_takes_a_quarter_of_the_bytes_both_ways_and_nearly_the_same_steps(straight, straight_int8):
    """A larger model has wider channels, and so a smaller share of scales."""
    for small, whole in zip(traffic(straight_int8), traffic(straight), strict=True):
        assert 0.25 * whole < small < 0.27 * whole
    _, exact = load_checkpoint(straight.checkpoints)
    _, coarse = load_checkpoint(straight_int8.checkpoints)
    name = next(name for name in exact if name.startswith("head/depth:") and exact[name].ndim == 4)
    assert 0 < np.abs(exact[name] - coarse[name]).max() < 0.1 * np.abs(exact[name]).max()


def test_nothing_is_sent_twice(straight):
    """In each round the new values go down once, and of the first ones none."""
    for number in (1, 2, 3):
        assert all(event["bytes_down"] == 0 for event in events_of(straight, "train", round=number))
        for trained, measured in zip(
            events_of(straight, "train", round=number),
            events_of(straight, "evaluate", round=number),
            strict=True,
        ):
            assert measured["bytes_down"] == trained["bytes_up"]


@pytest.mark.parametrize("exchange", [(), INT8], ids=["fp32", "int8"])
def test_clients_that_lose_what_they_hold_lose_a_round_and_come_back(exchange, tmp_path):
    directory = create(tmp_path / "run", "rounds=4", *exchange, *TWO)

    def lose(event):
        if (event["event"], event["round"]) == ("checkpoint", 2):
            shutil.rmtree(directory.client_folder("b") / "received")

    run_on(Wire(directory), directory, [lose])
    (failure,) = events_of(directory, "failure")
    assert (failure["round"], failure["client"], failure["phase"]) == (3, "b", "train")
    assert "which is not held here" in failure["error"]
    assert len(events_of(directory, "evaluate", client="b")) == 4
    assert len(events_of(directory, "train", client="b")) == 3


@pytest.mark.parametrize("exchange", [(), INT8], ids=["fp32", "int8"])
def test_who_was_sent_what_changes_no_bit(exchange, tmp_path):
    """A federation that is sent everything whole, because evaluation fails, ends with the same models."""
    straight = create(tmp_path / "straight", *exchange, *TWO)
    run_inprocess(straight)

    def unheard(asked, reply):
        lost = kind_of(asked) == "evaluate" and payload_of(asked)["round"] < 3
        return Message(Error(1000, "is unplugged"), reply_to=asked) if lost else reply

    other = create(tmp_path / "other", *exchange, *TWO)
    run_on(Wire(other, unheard), other)
    assert models_of(other) == models_of(straight)
    assert traffic(other)[1] > traffic(straight)[1] + 1000


@pytest.mark.parametrize("method", ["fedbn", "fedamp", "ditto"])
def test_an_int8_run_is_resumed_and_replayed_bit_for_bit(method, tmp_path):
    overrides = (*INT8, *TWO, f"method.name={method}", "rounds=4", "checkpoint.every=2")

    def unplugged(asked, reply):
        lost = is_train(asked, "a", 2) or is_train(asked, "c", 3)
        return Message(Error(1000, "is unplugged"), reply_to=asked) if lost else reply

    recorded = create(tmp_path / "recorded", *overrides)
    run_on(Wire(recorded, unplugged), recorded)

    class Cut(Exception):
        pass

    def cut(event):
        if (event["event"], event["round"], event.get("client")) == ("train", 4, "a"):
            raise Cut

    resumed = create(tmp_path / "resumed", *overrides)
    with pytest.raises(Cut):
        run_on(Wire(resumed, unplugged), resumed, [cut])
    client_module.forget_participants()
    run_on(Wire(resumed, unplugged), resumed)
    assert models_of(resumed) == models_of(recorded)

    again = create(tmp_path / "again", *overrides)
    replay(again, recorded)
    assert models_of(again) == models_of(recorded)


def test_residuals_go_back_with_the_private_state(straight_int8):
    tensors, _ = straight_int8.private_states("a").read(3)
    residuals = {name for name in tensors if name.startswith("residual:")}
    assert {"residual:backbone", "residual:head/depth"} <= residuals
    assert any(np.abs(tensors[name]).max() > 0 for name in residuals)


def test_sampled_clients_that_missed_rounds_are_sent_the_newest_values_whole(tmp_path):
    directory = create(
        tmp_path / "run", *INT8, *TWO, "federation.fraction=0.34", "federation.evaluate_every=0", "rounds=4"
    )
    run_inprocess(directory)
    assert not events_of(directory, "failure")
    trained = {event["client"] for event in events_of(directory, "train")}
    assert len(trained) > 1


def test_a_lossy_payload_is_checked_on_arrival(tmp_path):
    directory = create(tmp_path / "run", *INT8, *TWO, "rounds=5")
    damage = {
        2: lambda array: Array("float32", array.shape, "raw", b"\0" * 4 * array.shape[0]),
        3: lambda array: Array("float32", array.shape, array.stype, array.data[:-1]),
        4: lambda array: Array("float32", array.shape, array.stype, b"\xff\x7f" + array.data[2:]),
    }

    def lie(asked, reply):
        for number, change in damage.items():
            if is_train(asked, "b", number):
                vectors = vectors_of(reply)
                vectors["head/semseg"] = change(vectors["head/semseg"])
                return reply_with(asked, payload_of(reply), vectors)
        return reply

    run_on(Wire(directory, lie), directory)
    told = [event["error"] for event in events_of(directory, "failure")]
    assert len(told) == 3
    assert "has the encoding 'raw' where 'int8/1' was agreed" in told[0]
    assert "bytes where" in told[1]
    assert "a scale that is negative, not finite or too large" in told[2]
    assert len(events_of(directory, "train", round=5)) == 3


def test_a_client_that_does_not_know_the_codec_is_refused_with_a_sentence(tmp_path):
    directory = create(tmp_path / "run", "exchange.up.name=int8")

    def old(asked, reply):
        if kind_of(asked) != "query.describe" or asked.metadata.dst_node_id != 3:
            return reply
        known = {**payload_of(reply), "codecs": ["fp32/1", "int8/0"]}
        assert Description.from_json(reply.content["payload"]["json"]).codecs != known["codecs"]
        return reply_with(asked, known, {})

    with pytest.raises(RunError, match="only 2 of 3 clients joined: b does not know codec int8/1"):
        run_on(Wire(directory, old), directory)


def test_the_log_says_how_groups_travelled(straight, straight_int8):
    for directory, name in ((straight, "fp32"), (straight_int8, "int8")):
        (start,) = events_of(directory, "start")
        assert start["exchange"] == {"up": name, "down": name}
        page = render_report(History.of(events_of(directory)))
        assert f"sent and received by clients: {name} up, {name} down" in page


def test_a_codec_that_does_not_exist_is_told_before_anything_runs(tmp_path):
    directory = create(tmp_path / "run", "exchange.down.name=int9")
    with pytest.raises(ConfigError, match="unknown codec 'int9'"):
        run_inprocess(directory)
