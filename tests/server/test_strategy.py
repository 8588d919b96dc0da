"""What is sent to whom, what comes back, and who is chosen."""

import itertools

import numpy as np
import pytest
from flwr.app import ArrayRecord, ConfigRecord

from clients.app import app as client_app
from fedmtl.aggregation import build_method
from fedmtl.checkpoints import ServerState, from_tensors, load_checkpoint
from fedmtl.config import FederationConfig, Plan
from fedmtl.errors import RunError
from fedmtl.exchange.messages import Description
from fedmtl.loading import load
from fedmtl.models.vectors import GroupVectors
from fedmtl.privacy.ledger import Ledger
from fedmtl.reporting.events import MetricsLog
from fedmtl.tasks import TaskSpec
from server.blueprint import Blueprint
from server.client_privacy import ClientPrivacy
from server.journal import Journal
from server.leaving import LeavingGroups
from server.roster import Member, Roster
from server.strategy import GroupStrategy
from simulations.inprocess import InProcessGrid, run_inprocess
from tests.clients import apart
from tests.federations import (
    CLIENTS,
    Wire,
    client_of,
    create,
    events_of,
    groups_of,
    initial_of,
    is_train,
    kind_of,
    models_of,
    payload_of,
    reply_with,
    run_on,
    vectors_of,
)
from tests.server.hostile import values

SMALL = ("data.sources.rooms.train=2", "data.sources.rooms.val=1")
TRUNK = {"backbone", "norm", "stem/3", "attention"}


@pytest.fixture(scope="module")
def traffic(tmp_path_factory):
    """(method, context) → everything that a round of that federation carries."""
    cache = {}

    def of(method="fedavg", context="own"):
        if (method, context) not in cache:
            directory = create(
                tmp_path_factory.mktemp("traffic") / "run",
                "rounds=1",
                f"method.name={method}",
                f"model.context={context}",
            )
            wire = Wire(directory)
            run_on(wire, directory)
            assert not events_of(directory, "failure")
            cache[method, context] = wire.carried
        return cache[method, context]

    return of


def sent(carried, kind, client):
    """The groups that go down to a client, and those that come up."""
    ((asked, reply),) = [
        pair for pair in carried if kind_of(pair[0]) == kind and client_of(pair[0]) == client
    ]
    return groups_of(asked), set(vectors_of(reply))


OWN = {
    "b": {"adapter/semseg", "head/semseg", "attention/semseg"},
    "c": {
        *("adapter/depth", "head/depth", "attention/depth"),
        *("adapter/room_type", "head/room_type", "attention/room_type"),
        *("cross_adapter/depth/room_type", "cross_adapter/room_type/depth"),
        *("router/depth/room_type", "router/room_type/depth"),
        *("router/depth/depth", "router/room_type/room_type"),
    },
}


@pytest.mark.parametrize("client", ["b", "c"])
def test_only_what_a_client_trains_is_sent_and_comes_back(client, traffic):
    down, up = sent(traffic(), "train", client)
    assert down == up == TRUNK | OWN[client]
    down, up = sent(traffic(), "evaluate", client)
    assert down == TRUNK | OWN[client]
    assert up == {"b": {"val/semseg"}, "c": {"val/depth", "val/room_type"}}[client]


def test_with_all_tasks_as_context_others_adapters_are_sent_and_do_not_come_back(traffic):
    down, up = sent(traffic("fedavg", "all"), "train", "b")
    others = ("depth", "room_type")
    assert down - up == {f"adapter/{task}" for task in others}
    assert up <= down
    assert {f"attention/{task}" for task in (*others, "semseg")} <= up
    assert {f"cross_adapter/semseg/{task}" for task in others} <= up
    assert {f"router/semseg/{task}" for task in (*others, "semseg")} <= up
    assert not {group for group in down if group.startswith("head/")} - {"head/semseg"}
    assert not {group for group in up if group.split("/")[1:2] and group.split("/")[1] in others} - {
        f"attention/{task}" for task in others
    }


@pytest.mark.parametrize(
    ("method", "families"),
    [("fedavg", set()), ("fedper", {"head"}), ("fedbn", {"norm"})],
)
def test_private_groups_travel_in_no_message(method, families, traffic):
    carried = traffic(method)
    travelling = {name for pair in carried for message in pair for name in vectors_of(message)}
    hidden = families | {"norm_stats", "constant"}
    assert not {name for name in travelling if name.split("/")[0] in hidden}
    everything = {name for pair in traffic("fedavg") for message in pair for name in vectors_of(message)}
    assert travelling == {name for name in everything if name.split("/")[0] not in hidden}


def test_local_training_sends_no_group_at_all(traffic):
    for asked, reply in traffic("local"):
        assert not vectors_of(asked)
        assert not vectors_of(reply) or kind_of(asked) == "evaluate"


def travelling(wire, kind, client):
    """Round by round, the groups that go down to a client, and those that come up."""
    pairs = [pair for pair in wire.carried if kind_of(pair[0]) == kind and client_of(pair[0]) == client]
    return [(groups_of(asked), set(vectors_of(reply))) for asked, reply in pairs]


def test_groups_that_a_client_has_copies_of_are_not_sent_for_evaluation(tmp_path):
    directory = create(tmp_path / "run", "rounds=2", "method.name=ditto", "model.context=all", *SMALL)
    wire = Wire(directory)
    run_on(wire, directory)
    read = {"adapter/depth", "adapter/room_type"}
    for down, up in travelling(wire, "train", "b"):
        assert read | TRUNK < down
        assert up == down - read
    assert travelling(wire, "evaluate", "b") == [(read, {"val/semseg"})] * 2


def test_what_stays_at_home_goes_neither_down_nor_up(tmp_path):
    directory = create(tmp_path / "run", f"method.name={apart.NAME}", "model.context=all", *SMALL)
    wire = Wire(directory)
    run_on(wire, directory)
    assert not events_of(directory, "failure")
    read = {"adapter/depth", "adapter/room_type"}
    first, *later = travelling(wire, "train", "b")
    assert first[0] - first[1] == read
    assert later == [(read, set())] * 2
    traffic = [event["bytes_up"] for event in events_of(directory, "train", client="b")]
    assert traffic[0] > 0
    assert traffic[1:] == [0, 0]


def test_a_client_that_missed_the_shared_rounds_is_sent_what_came_of_them(tmp_path):
    """It is measured with that as well, as long as it has no copies."""
    directory = create(tmp_path / "run", f"method.name={apart.NAME}", *SMALL)

    def fails_at_first(asked, reply):
        return reply_with(asked, "{", {}) if is_train(asked, "b", 1) else reply

    wire = Wire(directory, fails_at_first)
    run_on(wire, directory)
    groups = TRUNK | OWN["b"]
    downs = [down for down, _ in travelling(wire, "train", "b")]
    assert downs == [groups, groups, set()]
    assert [down for down, _ in travelling(wire, "evaluate", "b")] == [groups, set(), set()]
    (received,) = (
        values(vectors_of(asked)["backbone"])
        for asked, _ in wire.carried
        if client_of(asked) == "b" and "backbone" in vectors_of(asked)
    )
    layout = GroupVectors(load(directory.path, "a").network).layouts["backbone"]
    shared = from_tensors(load_checkpoint(directory.checkpoints)[1], {"backbone": layout})["backbone"]
    np.testing.assert_array_equal(received, shared)


def test_the_groups_are_the_weighted_means_of_their_holders(tmp_path):
    """From the messages alone, in float64: θ + Σ wΔ / Σ w over exactly those that sent the group."""
    directory = create(
        tmp_path / "run",
        "rounds=1",
        "clients.a.train_images=3",
        "clients.b.train_images=1",
    )
    wire = Wire(directory)
    run_on(wire, directory)
    rounds = [pair for pair in wire.carried if kind_of(pair[0]) == "train"]
    before = initial_of(directory)
    after = {
        group: values(array)
        for asked, _ in wire.carried
        if kind_of(asked) == "evaluate"
        for group, array in vectors_of(asked).items()
    }
    weights_seen = set()
    for group, end in after.items():
        held = [
            (payload_of(reply)["weights"][group], values(vectors_of(reply)[group]).astype(np.float64))
            for _, reply in rounds
            if group in vectors_of(reply)
        ]
        weights_seen.add(tuple(weight for weight, _ in held))
        mean = sum(weight * vector for weight, vector in held) / sum(weight for weight, _ in held)
        np.testing.assert_allclose(end, before[group] + mean, rtol=1e-5, atol=1e-6)
    assert {(3, 1, 4), (3, 1), (3, 4), (4,), (1,)} & weights_seen >= {(3, 1, 4), (3, 1), (3, 4), (4,)}


class Shuffled(InProcessGrid):
    """Computes the clients in another order than they were asked in."""

    def pull_messages(self, message_ids):
        return super().pull_messages([list(message_ids)[-1]])


def test_the_order_of_arrival_changes_no_bit(tmp_path, straight):
    directory = create(tmp_path / "run")
    grid = Shuffled(client_app, 3, {"run-dir": str(directory.path.absolute())})
    run_on(grid, directory)
    assert models_of(directory) == models_of(straight)
    trained = [event["client"] for event in events_of(directory, "train", round=1)]
    assert trained == list(CLIENTS)


def make(names, fraction, seed, log):
    """A strategy over clients that only have names; node of `names[i]` is i + 2."""
    spec = TaskSpec("depth", "depth")
    method = build_method({"name": "fedavg"})
    roster = Roster(Plan(), method, "run", print, Blueprint(), LeavingGroups(method, 1))
    for node, name in enumerate(names, 2):
        description = Description(name, (spec,), 3, 1, 1, 0, {"depth": 1}, "0", "any", (), True)
        roster.members[name] = Member(node, description, {}, {})
    config = FederationConfig(fraction=fraction)
    state, journal = ServerState(), Journal(log)
    ledger = Ledger(log.path.with_name("privacy.jsonl"))
    privacy = ClientPrivacy(roster.plan, roster.method, state, ledger, journal)
    strategy = GroupStrategy(config, seed, roster.method, state, roster, journal, privacy)
    strategy.adopt_newcomers()
    return strategy


@pytest.fixture
def sample(tmp_path, straight):
    """(clients, fraction, round, seed) → the sampled nodes. `straight` has told Flower who the server is."""
    with MetricsLog(tmp_path / "metrics.jsonl") as log:

        def of(clients, fraction, number, seed=0):
            names = [f"client-{index:03}" for index in range(clients)]
            strategy = make(names, fraction, seed, log)
            strategy.journal.begin_round(number)
            messages = strategy.configure_train(number, ArrayRecord(), ConfigRecord(), None)
            assert all(payload_of(message)["round"] == number for message in messages)
            return [message.metadata.dst_node_id for message in messages]

        yield of


@pytest.mark.parametrize(
    ("clients", "fraction", "size"),
    [(10, 1.0, 10), (10, 0.3, 3), (10, 0.001, 1), (1, 0.5, 1), (7, 0.5, 4), (3, 0.66, 2)],
)
def test_the_sample_has_its_size_and_order_and_no_repetition(clients, fraction, size, sample):
    for number in range(1, 6):
        nodes = sample(clients, fraction, number)
        assert len(nodes) == len(set(nodes)) == size
        assert nodes == sorted(nodes)


def test_the_sample_is_keyed_by_seed_and_round_alone(sample):
    assert sample(20, 0.25, 4) == sample(20, 0.25, 4)
    drawn = {tuple(sample(20, 0.25, number, seed)) for number, seed in itertools.product(range(5), range(5))}
    assert len(drawn) > 20


def test_every_client_is_sampled_at_some_time_about_equally_often(sample):
    counts = np.zeros(12, int)
    for number in range(100):
        counts[[node - 2 for node in sample(10, 0.5, number)]] += 1
    assert counts.sum() == 500
    assert counts[:10].min() > 30
    assert counts[:10].max() < 70


def test_a_run_that_samples_trains_that_many_and_evaluates_everyone(tmp_path):
    directory = create(tmp_path / "run", "federation.fraction=0.5", *SMALL)
    run_inprocess(directory)
    for number in (1, 2, 3):
        assert len(events_of(directory, "train", round=number)) == 2
        assert len(events_of(directory, "evaluate", round=number)) == 3
    again = create(tmp_path / "again", "federation.fraction=0.5", *SMALL)
    run_inprocess(again)
    assert models_of(again) == models_of(directory)


@pytest.mark.parametrize(("every", "rounds"), [(1, [1, 2, 3]), (2, [2, 3]), (0, [3])])
def test_evaluation_as_often_as_configured_and_after_the_last_round(every, rounds, tmp_path):
    directory = create(tmp_path / "run", f"federation.evaluate_every={every}", *SMALL)
    run_inprocess(directory)
    assert sorted({event["round"] for event in events_of(directory, "evaluate")}) == rounds


def test_test_images_are_measured_where_that_is_wanted_and_change_nothing_else(tmp_path):
    plain, both = (
        create(
            tmp_path / name,
            "data.holdout=0.25",
            "data.sources.rooms.val=2",
            f"federation.evaluate_test={name}",
        )
        for name in ("false", "true")
    )
    for directory in (plain, both):
        run_inprocess(directory)
    assert models_of(plain) == models_of(both)
    assert not events_of(plain, "metric", split="test")
    validation, test = (
        {(e["round"], e["client"], e["task"], e["metric"]) for e in events_of(both, "metric", split=split)}
        for split in ("val", "test")
    )
    assert validation == test
    assert {client for _, client, _, _ in test} == {None, "a", "b", "c"}
    assert {event["images"] for event in events_of(both, "evaluate")} == {1 + 2}


@pytest.mark.parametrize(("every", "kept"), [(2, [2, 3]), (0, [3])])
def test_checkpoints_as_often_as_configured(every, kept, tmp_path):
    directory = create(tmp_path / "run", f"checkpoint.every={every}", *SMALL)
    run_inprocess(directory)
    assert directory.checkpoints.rounds() == kept
    assert [event["round"] for event in events_of(directory, "checkpoint")] == kept


def test_a_client_that_would_read_private_adapters_is_refused_and_told_what_to_do(tmp_path):
    private = "method={name: fedavg, private: ['adapter/depth']}"
    directory = create(tmp_path / "run", "model.context=all", private)
    with pytest.raises(
        RunError, match=r"model\.context: 'all' reads .*method 'fedavg' keeps private; use context"
    ):
        run_inprocess(directory)
    assert not events_of(directory, "train")
