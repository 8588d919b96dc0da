import numpy as np
import pytest
import torch

from fedmtl.aggregation import METHODS, Clock, Policy, Start, Update, build_method
from fedmtl.aggregation.pilot import shares
from fedmtl.config import AdapterConfig, Context, ModelConfig
from fedmtl.errors import ConfigError
from fedmtl.loading import load_newest
from fedmtl.models import Role, group_map
from simulations.inprocess import run_inprocess
from tests.federations import create, models_of
from tests.models.toys import toy_config, toy_network

SIZES = {"backbone": 40, "norm": 6, "attention/depth": 5, "adapter/depth": 4, "adapter/semseg": 3}
TRUNK = ("backbone", "norm", "attention/depth")
CLIENTS = ("a", "b", "c", "d")


def values(seed, sizes=SIZES):
    rng = np.random.default_rng(seed)
    return {group: rng.normal(size=size).astype(np.float32) for group, size in sizes.items()}


GROUPS = values(0)


def update(client, vectors=None, weight=1.0):
    vectors = values(ord(client)) if vectors is None else vectors
    return Update(client, vectors, dict.fromkeys(vectors, weight))


def run_round(updates, groups=GROUPS, state=None, nearest=2):
    method = build_method({"name": "pilot", "nearest": nearest})
    folding = method.start_round(Start(groups, state or {}, {}, Clock(1, 1)))
    for one in updates:
        folding.add(one)
    groups, state = folding.finish()
    return groups, state, method


def by_hand(trunks, nearest):
    """The mixed trunks of clients, from their whole trunks as vectors."""
    mixed = []
    for i, own in enumerate(trunks):
        distance = {j: np.linalg.norm(own - other) for j, other in enumerate(trunks) if j != i}
        near = sorted(distance, key=distance.get)[:nearest]
        weights = {j: 1 / distance[j] for j in near}
        weights[i] = max(weights.values())
        mixed.append(sum(w * trunks[j] for j, w in weights.items()) / sum(weights.values()))
    return mixed


def trunk_of(vectors):
    return np.concatenate([vectors[group] for group in TRUNK]).astype(np.float64)


@pytest.mark.parametrize("nearest", [1, 2, 3, 9])
def test_the_trunk_is_a_mix_of_the_nearest_clients(nearest):
    groups, state, method = run_round([update(client) for client in CLIENTS], nearest=nearest)
    trained = [trunk_of({g: GROUPS[g] + values(ord(client))[g] for g in TRUNK}) for client in CLIENTS]
    for client, expected in zip(CLIENTS, by_hand(trained, nearest), strict=True):
        sent = {group: method.outgoing(groups, state, client, group) for group in TRUNK}
        np.testing.assert_allclose(trunk_of(sent), expected, rtol=1e-4, atol=1e-5)


def test_a_tasks_groups_are_means_by_weight_and_the_same_for_all():
    rounds = [update("a", weight=3.0), update("b", {"adapter/semseg": np.ones(3, np.float32)})]
    groups, state, method = run_round(rounds)
    expected = GROUPS["adapter/semseg"] + (3 * values(ord("a"))["adapter/semseg"] + 1) / 4
    for client in (*CLIENTS, "newcomer"):
        sent = method.outgoing(groups, state, client, "adapter/semseg")
        np.testing.assert_allclose(sent, expected, rtol=1e-5)
    assert not any("adapter" in name for name in state)


def test_training_goes_on_from_what_a_client_was_sent():
    groups, state, method = run_round([update(client) for client in CLIENTS])
    sent = {group: method.outgoing(groups, state, "a", group) for group in TRUNK}
    step = values(7)
    after, then, _ = run_round([update("a", step)], groups, state)
    for group in TRUNK:
        np.testing.assert_allclose(
            method.outgoing(after, then, "a", group), sent[group] + step[group], rtol=1e-5
        )


def test_who_sits_out_keeps_its_trunk_and_is_nobodys_neighbour():
    groups, state, method = run_round([update(client) for client in CLIENTS])
    after, then, _ = run_round([update("a"), update("b")], groups, state)
    for group in TRUNK:
        assert then[f"c/{group}"] is state[f"c/{group}"]
    trained = [
        trunk_of({g: method.outgoing(groups, state, client, g) + values(ord(client))[g] for g in TRUNK})
        for client in "ab"
    ]
    for client, expected in zip("ab", by_hand(trained, 2), strict=True):
        sent = {group: method.outgoing(after, then, client, group) for group in TRUNK}
        np.testing.assert_allclose(trunk_of(sent), expected, rtol=1e-4, atol=1e-5)


def test_a_newcomer_is_sent_the_mean_of_what_the_others_are_sent():
    groups, state, method = run_round([update("a", weight=3.0), update("b")])
    for group in TRUNK:
        expected = (3 * state[f"a/{group}"] + state[f"b/{group}"]) / 4
        np.testing.assert_allclose(method.outgoing(groups, state, "z", group), expected, rtol=1e-5, atol=1e-6)


def test_a_client_alone_has_what_it_trained():
    groups, state, method = run_round([update("a")])
    for group in SIZES:
        expected = GROUPS[group] + values(ord("a"))[group]
        np.testing.assert_allclose(method.outgoing(groups, state, "a", group), expected, rtol=1e-6)


def test_a_group_that_one_client_holds_alone_is_not_mixed():
    with_stem = {**values(1), "stem/5": np.ones(3, np.float32)}
    groups = {**GROUPS, "stem/5": np.zeros(3, np.float32)}
    after, state, method = run_round([update("a", with_stem), update("b"), update("c")], groups)
    np.testing.assert_allclose(method.outgoing(after, state, "a", "stem/5"), np.ones(3), rtol=1e-6)


def test_the_order_of_updates_does_nothing():
    one, state, _ = run_round([update(client) for client in CLIENTS])
    other, again, _ = run_round([update(client) for client in reversed(CLIENTS)])
    for left, right in ((one, other), (state, again)):
        assert left.keys() == right.keys()
        for name in left:
            np.testing.assert_allclose(left[name], right[name], rtol=1e-5, atol=1e-6)


def test_a_round_without_updates_changes_nothing():
    groups, state, _ = run_round([], state={"a/norm": GROUPS["norm"]})
    assert groups == GROUPS
    assert state == {"a/norm": GROUPS["norm"]}


def test_shares_by_hand():
    distances = np.array([[0, 1, 2, 4], [1, 0, 5, 5], [2, 5, 0, 3], [4, 5, 3, 0]], float)
    expected = [
        np.array([1, 1, 1 / 2, 0]) / 2.5,
        np.array([1, 1, 1 / 5, 0]) / 2.2,
        np.array([1 / 2, 0, 1 / 2, 1 / 3]) / (4 / 3),
        np.array([1 / 4, 0, 1 / 3, 1 / 3]) / (11 / 12),
    ]
    np.testing.assert_allclose(shares(distances, 2), expected)


def test_equal_clients_share_with_each_other_alone():
    distances = np.array([[0, 0, 3], [0, 0, 3], [3, 3, 0]], float)
    expected = [[0.5, 0.5, 0], [0.5, 0.5, 0], [1 / 3, 1 / 3, 1 / 3]]
    np.testing.assert_allclose(shares(distances, 2), expected, atol=1e-10)
    step = values(5)
    groups, state, method = run_round([update("a", step), update("b", step), update("c")])
    for group in TRUNK:
        sent = method.outgoing(groups, state, "a", group)
        np.testing.assert_allclose(sent, GROUPS[group] + step[group], rtol=1e-4, atol=1e-4)


def test_the_model_has_client_adapters_and_all_tasks():
    method = build_method({"name": "pilot"})
    config = ModelConfig(adapter=AdapterConfig(bottleneck=5))
    expected = ModelConfig(adapter=AdapterConfig(bottleneck=5, client=True), context=Context.all)
    assert method.model(config) == expected
    assert not config.adapter.client


def test_client_adapters_stay_at_home():
    method = build_method({"name": "pilot"})
    network = toy_network(("depth",), ("semseg",), method.model(toy_config()))
    stays = {g for g in group_map(network) if method.policy(g) is Policy.private}
    assert stays == {"client_adapter/depth", "norm_stats", "constant"}
    assert all(
        build_method({"name": name}).policy("client_adapter/depth") is Policy.private for name in METHODS
    )
    assert network.role("client_adapter/depth") is Role.train
    assert network.role("adapter/semseg") is Role.read


def test_there_must_be_a_neighbour():
    with pytest.raises(ConfigError, match=r"method\.nearest must be 1 or more, not 0"):
        build_method({"name": "pilot", "nearest": 0})


def test_in_a_federation(tmp_path):
    directory = create(tmp_path / "run", "rounds=2", "method.name=pilot")
    run_inprocess(directory)
    saved = models_of(directory)
    assert not any("client_adapter" in name for name in saved["groups"])
    a, b = (load_newest(directory, client).network for client in "ab")
    assert list(a.mixture.adapters) == ["depth", "room_type", "semseg"]
    adapter, other = a.mixture.adapters["semseg"], b.mixture.adapters["semseg"]
    assert all(torch.equal(x, y) for x, y in zip(adapter.parameters(), other.parameters(), strict=True))
    assert not torch.equal(a.neck.lateral[0].weight, b.neck.lateral[0].weight)
    assert any("client_adapter/semseg" in name for name in saved["private"]["b"])
    assert b.mixture.client_adapters["semseg"].get_submodule("0").up.weight.any()
