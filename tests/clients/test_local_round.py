"""Rounds with phases and with copies of one's own, by real clients."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pytest
import torch

from clients.local_round import LocalRound
from fedmtl.aggregation import Phase
from fedmtl.aggregation.fedavg import FedAvg
from fedmtl.errors import ConfigError, ExchangeError
from fedmtl.exchange.codec import encode
from fedmtl.private_state import PrivateState
from fedmtl.training.trainer import LocalTrainer
from tests.clients import apart
from tests.clients.joining import assert_equal, decoded, evaluate, instruct, join, sent, train

PERSONAL = ["ditto", "fedamp"]


@dataclass(frozen=True)
class HeadsLater(FedAvg):
    """In the first round all is trained at once; from the second on, heads only after the rest."""

    def phases(self, clock):
        heads = ("head/*",)
        return (Phase(),) if clock.round == 1 else (Phase(0.5, spares=heads), Phase(0.5, trains=heads))


@dataclass(frozen=True)
class Idle(FedAvg):
    def phases(self, clock):
        return (Phase(trains=("adapter/nothing",)),)


def values(participant):
    vectors = participant.model.vectors
    return {group: vectors.read(group) for group in vectors.layouts}


def shifted(groups, by):
    """Other values of the same groups, as a server may send them next."""
    return {group: encode(vector + np.float32(by)) for group, vector in decoded(groups).items()}


def private(participant, number):
    return participant.snapshots.read(number)[0]


def watched(participant, groups, number=1, kept=None):
    """Train a round; returns it, and what the network held at first, as each stage was entered, and at the end."""
    model = participant.model
    kept = kept or PrivateState({group: model.vectors.read(group) for group in model.holdings.private})
    local = LocalRound(model, instruct(participant, groups, number), decoded(groups), kept)
    seen = [values(participant)]

    def enter(stage):
        stage.enter()
        seen.append(values(participant))

    stages = [replace(stage, enter=partial(enter, stage)) for stage in local.stages]
    data = participant._train_data
    LocalTrainer(model.network, participant.tasks, data, participant.plan, "a").train(stages, number)
    seen.append(values(participant))
    return local, seen


def moved(before, after):
    return {group for group in before if not np.array_equal(before[group], after[group])}


def test_fedrep_trains_the_heads_and_then_the_rest(tmp_path):
    participant = join(tmp_path, "a", "method.name=fedrep")
    heads = {"head/depth", "head/semseg"}
    local, (_, start, middle, end) = watched(participant, sent(participant))
    assert moved(start, middle) == heads | {"norm_stats"}
    assert not moved(middle, end) & heads
    assert {"backbone", "norm", "attention", "adapter/depth"} <= moved(middle, end)
    updates, state = local.finish()
    assert set(updates) == set(participant.membership().train)
    assert set(state.groups) == heads | {"norm_stats"}
    assert_equal(dict(state.groups), {group: end[group] for group in state.groups})


def test_ditto_sends_what_the_received_values_became_and_keeps_its_own(tmp_path):
    participant = join(tmp_path, "a", "method={name: ditto, personal_share: 0.5, pull: 0.0}")
    groups = sent(participant)
    trained = set(participant.membership().train)
    local, (start, shared, own, end) = watched(participant, groups)
    assert not moved(start, shared)
    assert not moved(start, own) - {"norm_stats"}  # in its first round, the copy starts as what was sent
    updates, state = local.finish()
    assert set(updates) == trained
    assert set(state.groups) == trained | {"norm_stats"}
    assert_equal({group: state.groups[group] for group in trained}, {group: end[group] for group in trained})
    for group in ("backbone", "head/depth"):
        assert (updates[group] != 0).any()
        assert (start[group] + updates[group] != end[group]).any()


def test_the_shared_model_of_ditto_knows_nothing_of_the_personal_one(tmp_path):
    """What is sent is the same however the copy is pulled."""
    updates = []
    for pull in (0.0, 10.0):
        participant = join(tmp_path / str(pull), "a", f"method={{name: ditto, pull: {pull}}}")
        updates.append(train(participant, sent(participant))[1])
    assert_equal(*updates)


def test_the_pull_keeps_copies_near_what_was_received(tmp_path):
    distances = []
    for pull in (0.0, 100.0):
        participant = join(
            tmp_path / str(pull), "a", f"method={{name: ditto, pull: {pull}}}", "training.lr=1e-4"
        )
        groups = sent(participant)
        train(participant, groups, 1)
        train(participant, groups, 2, accepted=1)
        kept = private(participant, 2)["backbone"]
        distances.append(np.linalg.norm(kept - decoded(groups)["backbone"]))
    assert 0 < distances[1] < 0.9 * distances[0]


@pytest.mark.parametrize(("method", "strength"), [("ditto", 0.1), ("fedamp", 0.1), ("fedprox", 0.01)])
def test_the_local_terms_gradient_reaches_every_shared_parameter(method, strength, tmp_path):
    """μ(θ − θ°), with θ the values that are being trained, and θ° what the server sent in this round."""
    participant = join(tmp_path, "a", f"method.name={method}", "model.context=all")
    vectors = participant.model.vectors
    first = sent(participant)
    train(participant, first)
    second = shifted(first, 0.01)
    instruction = instruct(participant, second, 2, accepted=1)
    received, state = decoded(second), participant._kept(instruction)
    local = LocalRound(participant.model, instruction, received, state)
    stage = local.stages[-1]
    stage.enter()
    participant.model.network.zero_grad()
    if method == "fedprox":  # which would have no distance to go at the start of a round
        vectors.write("backbone", received["backbone"] + 1)
    stage.local_term().backward()
    checked = set()
    for group in participant.membership().train:
        if group in state.groups:
            np.testing.assert_array_equal(vectors.read(group), state.groups[group])
        there = vectors.views(group, received[group])
        for parameter, then in zip(vectors.tensors(group), there, strict=True):
            if parameter.requires_grad:
                torch.testing.assert_close(parameter.grad, strength * (parameter - then).detach())
                checked.add(group)
    assert checked == set(participant.membership().train)
    for group in participant.membership().read:
        assert all(parameter.grad is None for parameter in vectors.tensors(group))


def test_what_fedamp_sends_takes_the_server_to_the_clients_copy(tmp_path):
    participant = join(tmp_path, "a", "method.name=fedamp")
    first = sent(participant)
    _, updates = train(participant, first, 1)
    copies = private(participant, 1)
    for group, update in updates.items():
        np.testing.assert_allclose(decoded(first)[group] + update, copies[group], atol=1e-6)
    second = shifted(first, 0.05)
    _, updates = train(participant, second, 2, accepted=1)
    for group, update in updates.items():
        np.testing.assert_allclose(decoded(second)[group] + update, private(participant, 2)[group], atol=1e-6)


@pytest.mark.parametrize("method", PERSONAL)
@pytest.mark.parametrize("keep", ["true", "false"])
def test_a_round_with_copies_depends_on_its_message_alone(method, keep, tmp_path):
    overrides = [f"method.name={method}", f"training.keep_optimizer={keep}"]
    one = join(tmp_path, "a", *overrides)
    first = sent(one)
    second = shifted(first, 0.01)
    train(one, first, 1)
    _, updates = train(one, second, 2, accepted=1)
    copies = private(one, 2)
    train(one, second, 3, accepted=2, durable=1)
    fresh = join(tmp_path, "a", *overrides)
    _, again = train(fresh, second, 2, accepted=1, durable=1)
    assert_equal(again, updates)
    assert_equal(private(fresh, 2), copies)


@pytest.mark.parametrize("method", PERSONAL)
def test_a_client_is_measured_with_its_copies(method, tmp_path):
    participant = join(tmp_path, "b", f"method.name={method}")
    groups = sent(participant)
    _, before = evaluate(participant, groups)
    train(participant, groups)
    trained = values(participant)
    _, after = evaluate(participant, {}, accepted=1)
    assert not moved(trained, values(participant))
    assert any((before[name] != after[name]).any() for name in before)
    with pytest.raises(ExchangeError, match="the server sent group 'adapter/semseg'"):
        evaluate(participant, groups, accepted=1)


def test_going_on_alone_is_local_training(tmp_path):
    """Nothing is sent from the first round on: the same bits as by the method that shares nothing."""
    alone = join(tmp_path / "apart", "a", f"method={{name: {apart.NAME}, until: 0}}")
    local = join(tmp_path / "local", "a", "method.name=local")
    groups = sent(alone)
    for number in (1, 2):
        report, updates = train(alone, groups if number == 1 else {}, number, accepted=number - 1)
        assert updates == report.weights == {}
        train(local, {}, number, accepted=number - 1)
    assert_equal(private(alone, 2), private(local, 2))


def test_copies_that_begin_as_what_is_received_are_those_of_fedavg(tmp_path):
    apart_, fedavg = join(tmp_path / "a", "a", f"method.name={apart.NAME}"), join(tmp_path / "b", "a")
    groups = sent(fedavg)
    assert_equal(*(train(one, groups)[1] for one in (apart_, fedavg)))


def test_each_phases_optimiser_is_kept_by_itself(tmp_path):
    participant = join(tmp_path, "a", "method.name=ditto", "training.keep_optimizer=true")
    groups = sent(participant)
    train(participant, groups)
    names = {name for name in private(participant, 1) if name.startswith("optimizer:")}
    one, other = ({n for n in names if n.startswith(f"optimizer:{index}/")} for index in (0, 1))
    assert one | other == names
    assert {n.split("/", 1)[1] for n in one} == {n.split("/", 1)[1] for n in other}
    steps = {float(private(participant, 1)[name]) for name in names if name.endswith("/step")}
    assert steps == {1.0}
    train(participant, groups, 2, accepted=1)
    assert {float(v) for n, v in private(participant, 2).items() if n.endswith("/step")} == {2.0}


def test_the_optimiser_of_a_phase_that_was_another_starts_afresh(tmp_path):
    participant = join(
        tmp_path,
        "a",
        f"method.name={__name__}:HeadsLater",
        "training.keep_optimizer=true",
        "training.epochs=2",
    )
    groups = sent(participant)
    for number in (1, 2, 3):
        train(participant, groups, number, accepted=number - 1)
    steps = [
        {float(v) for n, v in private(participant, number).items() if n.endswith("/step")}
        for number in (2, 3)
    ]
    assert steps == [{2.0}, {4.0}]


def test_a_phase_that_trains_nothing_is_named(tmp_path):
    participant = join(tmp_path, "a", f"method.name={__name__}:Idle")
    with pytest.raises(
        ConfigError, match=r"Idle: Phase\(.*adapter/nothing.* trains nothing that this client has"
    ):
        train(participant, sent(participant))
