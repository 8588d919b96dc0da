import itertools
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from fedmtl.aggregation import Clock, Start, Update
from fedmtl.aggregation.fedavg import FedAvg
from fedmtl.aggregation.mean import WeightedMean
from fedmtl.exchange.checks import check_update
from fedmtl.exchange.codec import encode
from fedmtl.exchange.layout import Entry, Layout
from fedmtl.exchange.messages import TrainReport

CLIENTS = ("a", "b", "c")
SIZES = {"backbone": 5, "head/depth": 3, "norm": 1}
BIG = {"backbone": 1_500_000, "norm": 20_000, "head/depth": 200_000}
PATTERNS = list(itertools.product([False, True], repeat=len(CLIENTS) * len(SIZES)))


def random_vector(size, *words):
    rng = np.random.default_rng([size, *map(ord, "".join(words))])
    return rng.standard_normal(size).astype(np.float32)


def frozen(vector):
    vector.flags.writeable = False
    return vector


GROUPS = {group: frozen(random_vector(size, group)) for group, size in SIZES.items()}


def update(client, weights):
    vectors = {group: frozen(random_vector(SIZES[group], client, group)) for group in weights}
    return Update(client, vectors, weights)


def fold(updates, groups=GROUPS, state=None):
    folding = FedAvg().start_round(Start(groups, state or {}, {}, Clock(1, 1)))
    for one in updates:
        folding.add(one)
    return folding.finish()


def naive(updates):
    after = {}
    for group, vector in GROUPS.items():
        holders = [u for u in updates if group in u.vectors and u.weights[group] > 0]
        after[group] = vector.astype(np.float64)
        if holders:
            weights = [u.weights[group] for u in holders]
            after[group] += np.average([u.vectors[group] for u in holders], axis=0, weights=weights)
    return after


@pytest.mark.parametrize("zero_weight", [None, "b"])
def test_folding_equals_the_naive_mean_for_every_pattern_of_holders(zero_weight):
    for pattern in PATTERNS:
        holds = dict(zip(itertools.product(CLIENTS, SIZES), pattern, strict=True))
        updates = [
            update(
                client,
                {
                    group: 0.0 if client == zero_weight else 1.0 + 10 * i + len(group)
                    for group in SIZES
                    if holds[client, group]
                },
            )
            for i, client in enumerate(CLIENTS)
        ]
        after, _ = fold(updates)
        for group, expected in naive(updates).items():
            assert after[group].dtype == np.float32
            np.testing.assert_allclose(
                after[group], expected, rtol=0, atol=1e-6, err_msg=f"{pattern} {group}"
            )


def test_a_group_without_weight_is_the_very_same_vector():
    after, _ = fold([update("a", {"backbone": 3.0, "norm": 0.0})])
    assert after["head/depth"] is GROUPS["head/depth"]
    assert after["norm"] is GROUPS["norm"]
    assert not np.array_equal(after["backbone"], GROUPS["backbone"])


def test_a_single_holder_decides():
    one = update("a", {"norm": 7.0})
    after, _ = fold([one])
    np.testing.assert_allclose(after["norm"], GROUPS["norm"] + one.vectors["norm"], rtol=1e-6)


def test_weights_are_those_of_the_group_not_of_the_client():
    ones, zeros = np.ones(1, np.float32), np.zeros(1, np.float32)
    groups = {"backbone": zeros, "norm": zeros}
    after, _ = fold(
        [
            Update("a", {"backbone": ones, "norm": ones}, {"backbone": 1.0, "norm": 3.0}),
            Update("b", {"backbone": zeros, "norm": zeros}, {"backbone": 1.0, "norm": 1.0}),
        ],
        groups,
    )
    assert after["backbone"] == 0.5
    assert after["norm"] == 0.75


def test_equal_updates_in_equal_order_give_equal_bits():
    updates = [update(client, dict.fromkeys(SIZES, 1 / 3 + i)) for i, client in enumerate(CLIENTS)]
    first, _ = fold(updates)
    second, _ = fold(updates)
    assert {g: v.tobytes() for g, v in first.items()} == {g: v.tobytes() for g, v in second.items()}


def test_nothing_that_came_in_is_written_to():
    groups = {group: vector.copy() for group, vector in GROUPS.items()}
    updates = [update("a", dict.fromkeys(SIZES, 2.0)), update("b", dict.fromkeys(SIZES, 5.0))]
    before = [{g: v.copy() for g, v in u.vectors.items()} for u in updates]
    after, _ = fold(updates, groups)
    after["norm"] += 1
    for group, vector in GROUPS.items():
        np.testing.assert_array_equal(groups[group], vector)
    for one, copy in zip(updates, before, strict=True):
        for group in copy:
            np.testing.assert_array_equal(one.vectors[group], copy[group])


def test_the_methods_state_goes_on():
    state = {"momentum": np.ones(2, np.float32)}
    _, after = fold([update("a", {"norm": 1.0})], state=state)
    assert after == state
    assert after is not state


def peak_of(clients):
    """The most that folding so many clients' updates takes, in models of float32; each arrives in bytes of its own."""
    layouts = {name: Layout((Entry("w", (size,), "float32"),)) for name, size in BIG.items()}
    store = {name: encode(random_vector(size, name)) for name, size in BIG.items()}
    report = TrainReport("a", 1, 8, 1, {}, {}, {}, dict.fromkeys(BIG, 8.0), 0.0, None)
    tracemalloc.start()
    try:
        groups = {name: np.zeros(size, np.float32) for name, size in BIG.items()}
        folding = WeightedMean(Start(groups, {}, layouts, Clock(1, 1)))
        for i in range(clients):
            arrived = {name: replace(one, data=bytes(bytearray(one.data))) for name, one in store.items()}
            vectors = check_update(report, arrived, layouts, dict.fromkeys(BIG, 8))
            folding.add(Update(f"client-{i}", vectors, report.weights))
            del arrived, vectors
        after, _ = folding.finish()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    np.testing.assert_allclose(after["norm"], random_vector(BIG["norm"], "norm"), rtol=1e-6)
    return peak / (4 * sum(BIG.values()))


def test_folding_100_clients_takes_no_more_than_8():
    """The groups, sums of twice their size, three updates that wait, and one that arrives in a copy of its copy."""
    few = peak_of(8)
    assert 7 <= few <= 8.1
    assert peak_of(100) == pytest.approx(few, rel=0.01)
