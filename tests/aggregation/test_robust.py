"""What holds for every robust method: whose word counts, how far a minority gets, and buckets."""

import numpy as np
import pytest

from fedmtl.aggregation import build_method
from fedmtl.aggregation.robust import attackers_among
from fedmtl.errors import ConfigError
from tests.aggregation.robustness import honest, names, step, updates

RULES = ("median", "trimmed-mean", "krum", "multi-krum")
EVERY = pytest.mark.parametrize("name", [*RULES, "norm-bound"])
WITH_BUCKETS = pytest.mark.parametrize("name", RULES)


@EVERY
def test_one_holder_moves_a_group_by_its_update(name):
    (vector,) = honest(1)
    np.testing.assert_allclose(step(build_method({"name": name}), [vector]), vector, rtol=1e-6)


@EVERY
def test_two_holders_move_it_by_no_more_than_their_mean(name):
    one, other = honest(2)
    found = step(build_method({"name": name}), [one, other])
    if name == "norm-bound":
        assert np.linalg.norm(found) <= np.linalg.norm(one + other) / 2 * (1 + 1e-6) + 1e-6
    else:
        np.testing.assert_allclose(found, (one + other) / 2, rtol=1e-5, atol=1e-6)


@EVERY
def test_equal_updates_are_that_update(name):
    (vector,) = honest(1)
    np.testing.assert_allclose(step(build_method({"name": name}), [vector] * 10), vector, rtol=1e-6)


@EVERY
def test_the_order_of_clients_does_not_matter(name):
    given = updates(honest(10))
    method = build_method({"name": name})
    np.testing.assert_allclose(step(method, given[::-1]), step(method, given), rtol=1e-5, atol=1e-6)


@EVERY
def test_holders_count_alike_whatever_they_claim(name):
    vectors = honest(10)
    method = build_method({"name": name})
    claiming = updates(vectors, [1e9, *range(1, 10)])
    np.testing.assert_array_equal(step(method, claiming), step(method, vectors))
    assert method.counts_alike


@EVERY
@pytest.mark.parametrize("size", [1e30, -1e30, 1e4])
@pytest.mark.parametrize("holders", [3, 7, 10, 32])
def test_attackers_far_off_do_not_take_it_out_of_the_range_of_the_honest(name, holders, size):
    """Krum chooses and others average: each value stays in between, or, for bounded norms, the length stays theirs."""
    bad = holders // 5 or 1
    good = honest(holders - bad, spread=0.3)
    found = step(
        build_method({"name": name, **({} if name == "median" else SHARES.get(name, {}))}),
        good + far(bad, size),
    )
    assert np.isfinite(found).all()
    if name == "norm-bound":
        assert np.linalg.norm(found) <= max(np.linalg.norm(one) for one in good) * (1 + 1e-6)
    else:
        assert (found >= np.min(good, axis=0) - 1e-6).all()
        assert (found <= np.max(good, axis=0) + 1e-6).all()


SHARES = {name: {"attackers": 0.34} for name in ("trimmed-mean", "krum", "multi-krum")}


def far(count, size):
    return [np.full(300, size, np.float32) for _ in range(count)]


def test_a_mean_is_taken_anywhere_by_one():
    """So that the test above is one."""
    found = step(build_method({"name": "fedavg"}), honest(9) + far(1, 1e4))
    assert (found > np.max(honest(9), axis=0)).all()


@pytest.mark.parametrize(("name", "holders"), [("median", 4), ("trimmed-mean", 4), ("krum", 4)])
def test_half_of_the_holders_are_too_many(name, holders):
    found = step(build_method({"name": name}), honest(holders // 2) + far(holders // 2, 1e4))
    assert (np.abs(found) > 1e3).any()


@pytest.mark.parametrize(
    ("clients", "share", "count"),
    [(1, 0.2, 1), (4, 0.2, 1), (5, 0.2, 1), (6, 0.2, 2), (10, 0.2, 2), (9, 0, 0)],
)
def test_a_share_of_attackers_is_rounded_up(clients, share, count):
    assert attackers_among(clients, share) == count


@pytest.mark.parametrize("clients", range(1, 200))
def test_a_fifth_of_a_multiple_of_five_is_what_it_is(clients):
    assert attackers_among(5 * clients, 0.2) == clients


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "median", "bucket": 0}, "method.bucket must be 1 or more"),
        ({"name": "krum", "bucket": 0}, "method.bucket must be 1 or more"),
        ({"name": "krum", "attackers": 0.5}, r"method.attackers must be in \[0, 0.5\)"),
        ({"name": "trimmed-mean", "attackers": -0.1}, r"method.attackers must be in \[0, 0.5\)"),
        ({"name": "norm-bound", "bound": 0}, "method.bound must be above 0"),
        ({"name": "norm-bound", "bucket": 2}, "method.bucket: .* no such option"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ConfigError, match=message):
        build_method(options)


@WITH_BUCKETS
def test_a_rule_over_buckets_is_the_rule_over_their_means(name):
    vectors = honest(11)
    method, plain = build_method({"name": name, "bucket": 2}), build_method({"name": name})
    by_name = dict(zip(names(11), vectors, strict=True))
    buckets = method.buckets(names(11), seed=7, round_number=3)
    means = [np.mean([by_name[client] for client in bucket], axis=0) for bucket in buckets]
    expected = plain.combine([mean.astype(np.float32) for mean in means], 11)
    np.testing.assert_allclose(step(method, vectors, number=3, seed=7), expected, rtol=1e-4, atol=1e-5)


@WITH_BUCKETS
def test_sums_of_buckets_are_not_put_into_buckets_again(name):
    """Under secure sums the server has one update a bucket: the result is that with all updates in clear."""
    vectors = honest(12)
    method = build_method({"name": name, "bucket": 3})
    by_name = dict(zip(names(12), vectors, strict=True))
    means = [
        np.mean([by_name[client] for client in bucket], axis=0).astype(np.float32)
        for bucket in method.buckets(names(12), 0, 1)
    ]
    summed = updates(means, [3.0] * len(means), holders=3)
    np.testing.assert_allclose(step(method, summed), step(method, vectors), rtol=1e-4, atol=1e-5)


@WITH_BUCKETS
def test_with_buckets_sums_are_enough(name):
    assert not build_method({"name": name}).needs_only_sums
    assert build_method({"name": name, "bucket": 3}).needs_only_sums
    assert not build_method({"name": "norm-bound", "bound": 1.0}).needs_only_sums


@pytest.mark.parametrize("count", range(1, 40))
def test_every_holder_is_in_one_bucket_and_none_is_too_small(count):
    buckets = build_method({"name": "median", "bucket": 3}).buckets(names(count), 0, 1)
    assert sorted(client for bucket in buckets for client in bucket) == names(count)
    assert min(map(len, buckets)) >= min(count, 3)
    assert len(buckets) == max(count // 3, 1)
    assert max(map(len, buckets)) - min(map(len, buckets)) <= 1


def test_buckets_are_drawn_by_seed_and_round_alone():
    method = build_method({"name": "median", "bucket": 2})
    drawn = method.buckets(names(10), 0, 1)
    assert method.buckets(names(10)[::-1], 0, 1) == drawn
    assert method.buckets(names(10), 1, 1) != drawn
    assert method.buckets(names(10), 0, 2) != drawn


def test_pairs_meet_in_a_bucket_as_often_as_chance_has_it():
    method = build_method({"name": "median", "bucket": 2})
    rounds = 2000
    met = sum(
        any({"client-00", "client-01"} <= set(b) for b in method.buckets(names(10), 0, r))
        for r in range(rounds)
    )
    assert abs(met / rounds - 1 / 9) < 0.03


@WITH_BUCKETS
def test_a_method_that_takes_no_buckets_has_all_holders_in_one(name):
    assert build_method({"name": "fedavg"}).buckets(names(4), 0, 1) == [names(4)]
    assert build_method({"name": name}).buckets(names(2), 0, 1) in (
        [["client-00"], ["client-01"]],
        [["client-01"], ["client-00"]],
    )


def test_groups_are_robust_over_their_own_holders():
    """One with a single attacker among three is not measured by the clients of another."""
    from fedmtl.aggregation import Clock, Start, Update

    vectors = honest(6, size=4)
    method = build_method({"name": "median"})
    ongoing = method.start_round(
        Start({"a": np.zeros(4, np.float32), "b": np.zeros(4, np.float32)}, {}, {}, Clock(1, 1))
    )
    for index, vector in enumerate(vectors):
        held = {"a": vector} if index < 3 else {"a": vector, "b": 2 * vector}
        ongoing.add(Update(f"c{index}", held, dict.fromkeys(held, 1.0)))
    groups, _ = ongoing.finish()
    np.testing.assert_allclose(groups["a"], np.median(vectors, axis=0), rtol=1e-6)
    np.testing.assert_allclose(groups["b"], np.median([2 * v for v in vectors[3:]], axis=0), rtol=1e-6)
