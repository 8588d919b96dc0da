"""A client without any Flower: it is asked, loads, trains, and says what it added."""

import numpy as np
import pytest

from fedmtl.errors import ConfigError, ExchangeError
from fedmtl.exchange.codec import encode
from fedmtl.exchange.codecs.int8 import Int8
from tests.clients.joining import assert_equal, evaluate, instruct, join, sent, train


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """Client b with every task as context, and what it was sent first."""
    participant = join(tmp_path_factory.mktemp("reader"), "b", "model.context=all")
    return participant, sent(participant)


def test_two_clients_agree_on_the_groups_that_they_share(tmp_path):
    one, other = join(tmp_path, "a"), join(tmp_path, "b")
    mine, theirs = one.membership().train, other.membership().train
    common = set(mine) & set(theirs)
    assert {"backbone", "stem/3", "head/semseg", "adapter/semseg"} <= common
    assert all(mine[group] == theirs[group] for group in common)
    assert_equal(
        {group: one.model.vectors.read(group) for group in common},
        {group: other.model.vectors.read(group) for group in common},
    )


def test_an_update_is_what_training_added(reader):
    participant, groups = reader
    report, updates = train(participant, groups)
    assert set(updates) == set(participant.membership().train) == set(report.weights)
    for group, update in updates.items():
        start = np.frombuffer(groups[group].data, np.float32)
        np.testing.assert_array_equal(participant.model.vectors.read(group) - start, update)
    assert np.abs(updates["backbone"]).max() > 0
    assert np.abs(updates["head/semseg"]).max() > 0
    assert (report.images, report.steps, report.labelled) == (4, 2, {"semseg": 4})
    assert set(report.weights.values()) == {4.0}


def test_what_it_reads_is_not_changed(reader):
    participant, groups = reader
    train(participant, groups)
    assert set(participant.membership().read) == {"adapter/depth", "adapter/room_type"}
    for group in participant.membership().read:
        np.testing.assert_array_equal(
            participant.model.vectors.read(group), np.frombuffer(groups[group].data, np.float32)
        )


@pytest.mark.parametrize("keep", ["true", "false"])
def test_a_round_depends_on_its_message_alone(keep, tmp_path):
    """The same instruction gives the same bits, again, after another round, and in another process's object."""
    overrides = ["training.keep_optimizer=" + keep]
    one = join(tmp_path, "a", *overrides)
    groups = sent(one)
    _, first = train(one, groups, 1)
    _, second = train(one, groups, 2, accepted=1)
    train(one, groups, 3, accepted=2, durable=1)
    _, again = train(one, groups, 2, accepted=1, durable=1)
    assert_equal(again, second)
    fresh = join(tmp_path, "a", *overrides)
    assert_equal(train(fresh, groups, 2, accepted=1)[1], second)
    assert_equal(train(fresh, groups, 1)[1], first)
    assert any((first[group] != second[group]).any() for group in first)


def test_a_kept_optimizer_matters(tmp_path):
    results = []
    for keep in ("true", "false"):
        participant = join(tmp_path / keep, "b", "training.keep_optimizer=" + keep)
        groups = sent(participant)
        train(participant, groups, 1)
        results.append(train(participant, groups, 2, accepted=1)[1]["head/semseg"])
    assert (results[0] != results[1]).any()


def test_evaluation_changes_nothing_and_repeats(reader):
    participant, groups = reader
    report, one = evaluate(participant, groups)
    _, other = evaluate(participant, groups)
    assert_equal(one, other)
    assert set(one) == {"val/semseg"}
    assert report.images == 2


def test_every_split_that_is_asked_for_is_measured(reader):
    participant, groups = reader
    _, validation = evaluate(participant, groups)
    report, both = evaluate(participant, groups, "val", "test")
    assert set(both) == {"val/semseg", "test/semseg"}
    assert_equal({"val/semseg": both["val/semseg"]}, validation)
    assert both["test/semseg"].sum() > 0
    assert (both["test/semseg"] != both["val/semseg"]).any()
    assert report.images == 4


@pytest.mark.parametrize("method", ["local", "fedper", "fedbn"])
def test_private_groups_are_not_part_of_the_membership(method, tmp_path):
    participant = join(tmp_path, "b", f"method.name={method}")
    membership = participant.membership()
    families = {group.split("/")[0] for group in membership.train}
    hidden = {"local": {"backbone", "head", "norm"}, "fedper": {"head"}, "fedbn": {"norm"}}[method]
    assert not families & (hidden | {"norm_stats", "constant"})
    assert bool(families) == (method != "local")
    assert not membership.read


@pytest.mark.parametrize("method", ["local", "{name: fedavg, private: ['adapter/*']}"])
def test_where_adapters_stay_at_home_a_client_computes_its_own_tasks_alone(method, tmp_path):
    key = "method" if method.startswith("{") else "method.name"
    participant = join(tmp_path, "b", "model.context=all", f"{key}={method}")
    assert participant.model.network.tasks == ("semseg",)
    assert not participant.membership().read


def test_reading_some_adapters_that_others_keep_is_refused(tmp_path):
    with pytest.raises(
        ConfigError,
        match=r"model\.context: 'all' reads 'adapter/depth', which method 'fedavg' keeps private; use .* 'own'",
    ):
        join(tmp_path, "b", "model.context=all", "method={name: fedavg, private: ['adapter/depth']}")


def test_a_missing_or_surplus_group_is_refused(reader):
    participant, groups = reader
    without = {group: vector for group, vector in groups.items() if group != "backbone"}
    with pytest.raises(ExchangeError, match="the server did not send group 'backbone'"):
        train(participant, without)
    with pytest.raises(ExchangeError, match="the server sent group 'head/depth'"):
        evaluate(participant, {**groups, "head/depth": groups["backbone"]})


def test_a_group_that_is_not_as_agreed_is_refused(reader):
    participant, groups = reader
    vector = np.frombuffer(groups["backbone"].data, np.float32).copy()
    vector[0] = np.nan
    for bad in (encode(vector), encode(vector[:-1]), encode(vector.astype(np.float64))):
        with pytest.raises(ExchangeError):
            train(participant, {**groups, "backbone": bad})


def test_what_a_codec_left_out_is_part_of_the_next_update(tmp_path):
    """A twin that sends all of it says what the updates are: its training is the same."""
    exact, coarse = join(tmp_path / "exact", "b"), join(tmp_path / "coarse", "b", "exchange.up.name=int8")
    groups, codec = sent(exact), Int8()
    for number in (1, 2, 3):
        _, updates = train(exact, groups, number, accepted=number - 1)
        _, encoded = coarse.train(instruct(coarse, groups, number, accepted=number - 1), groups)
        before = coarse.snapshots.read(number - 1)[0] if number > 1 else {}
        for group, update in updates.items():
            residual = before.get(f"residual:{group}", np.zeros_like(update))
            layout = coarse.model.vectors.layouts[group]
            assert encoded[group] == codec.encode(update + residual, layout)
            if number > 1 and group == "backbone":
                assert np.abs(residual).max() > 0


def test_a_round_whose_answer_was_lost_leaves_out_nothing_that_counts(tmp_path):
    participant = join(tmp_path, "b", "exchange.up.name=int8")
    groups = sent(participant)

    def update(number, accepted):
        return participant.train(instruct(participant, groups, number, accepted, durable=1), groups)[1]

    update(1, 0)
    second = update(2, 1)
    update(3, 2)
    assert update(2, 1) == second
