"""The mechanism as it is built, against two federations that one client tells apart."""

import math
from itertools import combinations

import numpy as np
import pytest

from fedmtl.aggregation import Clock, Start, Update, build_method
from fedmtl.config import Sampling
from fedmtl.config.privacy import ClientPrivacyConfig, ClipKind, NoiseKind
from fedmtl.drawing import Draw
from fedmtl.exchange.layout import Entry, Layout
from fedmtl.privacy.client_level import plan_round
from fedmtl.privacy.clipping import WHOLE
from fedmtl.privacy.gaussian import GRID, for_rounding
from fedmtl.privacy.holders import sum_of
from fedmtl.privacy.noisy_sums import NoisySums

LAYOUTS = {
    "trunk": Layout((Entry("conv", (6, 5), "float32"), Entry("scale", (), "float32"))),
    "head/a": Layout((Entry("weight", (7,), "float32"),)),
    "head/b": Layout((Entry("weight", (3,), "float32"),)),
    "gate": Layout((Entry("gate", (), "float32"),)),  # a single number, without dimensions
}
SIZES = {group: layout.size for group, layout in LAYOUTS.items()}
SUBSETS = [subset for count in range(1, 5) for subset in combinations(LAYOUTS, count)]
CLIP = 0.7


def silent(size):
    return np.zeros(size)


def update(client, groups, rng, scale=1.0, weight=1.0, domain="any"):
    vectors = {g: (scale * rng.standard_normal(SIZES[g])).astype(np.float32) for g in groups}
    return Update(client, vectors, dict.fromkeys(vectors, weight), domain)


def planned(updates, method, by=ClipKind.group, shares=None, quantile=None, multiplier=1.0):
    config = ClientPrivacyConfig(
        noise=NoiseKind.central,
        multiplier=multiplier,
        clip=CLIP,
        clip_by=by,
        shares=shares or {},
        adaptive_quantile=quantile,
    )
    held = {one.client: [sum_of(method, group, one.domain) for group in one.vectors] for one in updates}
    return plan_round(config, Draw(Sampling.fixed, len(held), 1.0), 10, held, {})


def noisy(mechanism, method, noise=silent, enter=lambda: None, groups=None):
    groups = groups or {group: np.zeros(size, np.float32) for group, size in SIZES.items()}
    inner = method.start_round(Start(groups, {}, LAYOUTS, Clock(1, 10)))
    return NoisySums(inner, method, mechanism, SIZES, enter, noise)


def totals(mechanism, method, updates):
    """Every sum before noise, and every count."""
    sums = noisy(mechanism, method)
    for one in updates:
        sums.add(one)
    return {one: sums.total(one).copy() for one in mechanism.expected}, dict(sums.counts)


def adversaries(groups, rng):
    """Updates that a client may send to be seen most: in any direction, huge, tiny, sparse, and of any weight."""
    yield update("x", groups, rng)
    yield update("x", groups, rng, scale=1e30, weight=1e18)
    yield update("x", groups, rng, scale=1e-30, weight=0.0)
    one_value = {group: np.zeros(SIZES[group], np.float32) for group in groups}
    for vector in one_value.values():
        vector[-1] = -3e38
    yield Update("x", one_value, dict.fromkeys(one_value, 1e9))
    on_the_bound = {
        group: np.full(SIZES[group], CLIP / math.sqrt(SIZES[group]), np.float32) for group in groups
    }
    yield Update("x", on_the_bound, dict.fromkeys(on_the_bound, 1.0))
    yield Update(
        "x", {group: np.zeros(SIZES[group], np.float32) for group in groups}, dict.fromkeys(groups, 5.0)
    )


@pytest.mark.parametrize("quantile", [None, 0.5], ids=["fixed", "adaptive"])
@pytest.mark.parametrize(
    ("by", "shares"),
    [(ClipKind.group, {}), (ClipKind.group, {"head/*": 5.0}), (ClipKind.flat, {})],
    ids=["group", "shares", "flat"],
)
def test_one_client_changes_what_is_released_by_no_more_than_is_accounted(by, shares, quantile):
    """With it and without it, over all of its task subsets: each sum by C_g at most, and all of them, in units of their
    noise and with the counts, by 1/z of the release."""
    rng, method = np.random.default_rng(0), build_method({"name": "fedavg"})
    others = [update(f"client-{i}", SUBSETS[i % len(SUBSETS)], rng, scale=10.0 ** (i % 5)) for i in range(20)]
    worst = 0.0
    for groups in SUBSETS:
        for adversary in adversaries(groups, rng):
            mechanism = planned([*others, adversary], method, by, shares, quantile)
            with_it, counts_with = totals(mechanism, method, [*others, adversary])
            without, counts_without = totals(mechanism, method, others)
            changes = {one: np.linalg.norm(with_it[one] - without[one]) for one in with_it}
            assert all(change <= CLIP * (1 + 1e-9) for change in changes.values())
            if by is ClipKind.flat:
                assert math.hypot(*changes.values()) <= CLIP * (1 + 1e-9)
            whitened = [change / mechanism.deviation(one.group) for one, change in changes.items()]
            whitened += [
                (counts_with[name] - counts_without[name]) / deviation
                for name, deviation in mechanism.counts.items()
            ]
            assert math.hypot(*whitened) <= (1 + 1e-9) / mechanism.release.multiplier
            worst = max(worst, math.hypot(*whitened) * mechanism.release.multiplier)
    assert worst > 0.999  # the bound is reached: no looser noise would do


def test_a_heavy_client_adds_no_more_than_a_light_one():
    rng, method = np.random.default_rng(1), build_method({"name": "fedavg"})
    light = update("x", LAYOUTS, rng)
    heavy = Update("x", light.vectors, dict.fromkeys(light.vectors, 1e18))
    mechanism = planned([light], method)
    for one, total in totals(mechanism, method, [heavy])[0].items():
        np.testing.assert_array_equal(total, totals(mechanism, method, [light])[0][one])


def test_the_method_gets_the_sum_over_the_expected_number_as_one_update():
    rng, method = np.random.default_rng(2), build_method({"name": "fedavg"})
    updates = [update(f"c{i}", LAYOUTS, rng, scale=0.01) for i in range(4)]
    base = {group: rng.standard_normal(size).astype(np.float32) for group, size in SIZES.items()}
    sums = noisy(planned(updates, method), method, groups=base)
    for one in updates[:3]:  # the fourth does not come, and still counts
        sums.add(one)
    groups, _ = sums.finish()
    for group in LAYOUTS:
        mean = sum(one.vectors[group].astype(np.float64) for one in updates[:3]) / 4
        np.testing.assert_allclose(groups[group], base[group] + mean, rtol=1e-6, atol=1e-8)


def test_the_noise_is_as_wide_as_is_accounted_and_in_every_sum_even_if_nobody_came():
    method = build_method({"name": "fedavg"})
    rng = np.random.default_rng(3)
    members = [update("a", ["trunk", "head/a"], rng), update("b", ["trunk"], rng)]
    mechanism = planned(members, method, multiplier=4.0)
    drawn = []
    for _ in range(400):
        groups, _ = noisy(
            mechanism, method, np.random.default_rng(rng.integers(2**63)).standard_normal
        ).finish()
        drawn.append(groups)
    trunk = np.array([groups["trunk"] for groups in drawn])
    head = np.array([groups["head/a"] for groups in drawn])
    assert trunk.std() == pytest.approx(4.0 * CLIP / 2, rel=0.05)
    assert head.std() == pytest.approx(4.0 * CLIP, rel=0.05)
    assert not any(groups["head/b"].any() or groups["gate"].any() for groups in drawn)  # which nobody trains


def test_noise_is_unpredictable_by_default():
    method = build_method({"name": "fedavg"})
    mechanism = planned([update("a", LAYOUTS, np.random.default_rng(4))], method)
    start = Start({g: np.zeros(s, np.float32) for g, s in SIZES.items()}, {}, LAYOUTS, Clock(1, 10), seed=0)
    one, other = (
        NoisySums(method.start_round(start), method, mechanism, SIZES, lambda: None).finish()[0]
        for _ in range(2)
    )
    assert not np.intersect1d(one["trunk"], other["trunk"]).size


def test_nothing_of_a_sum_is_left_beside_the_noises_grid():
    """Values near zero keep more bits than the noise has: of a sum that was not rounded, they would be its own."""
    size, method = 1_000_000, build_method({"name": "fedavg"})
    layouts = {"trunk": Layout((Entry("conv", (size,), "float32"),))}
    updates = [Update("x", {"trunk": np.full(size, 1e-10 / 3, np.float32)}, {"trunk": 1.0})]
    mechanism = planned(updates, method, quantile=0.5)
    start = Start({"trunk": np.zeros(size, np.float32)}, {}, layouts, Clock(1, 10))
    sums = NoisySums(method.start_round(start), method, mechanism, {"trunk": size}, lambda: None)
    sums.add(updates[0])
    released = sums.finish()[0]["trunk"].astype(np.float64)
    wider = for_rounding(mechanism.release.multiplier, size + 1)
    units = released / (mechanism.deviation("trunk") * wider * GRID)
    small = units[np.abs(units) < 2**19]
    assert small.size > 100
    assert np.abs(small - np.rint(small)).max() < 0.05
    count = sums.counts["trunk"] / (mechanism.counts["trunk"] * wider * GRID)
    assert abs(count - round(count)) < 1e-5


def test_a_release_is_entered_before_any_noise_is_drawn():
    order, method = [], build_method({"name": "fedavg"})
    mechanism = planned([update("a", LAYOUTS, np.random.default_rng(5))], method)

    def noise(size):
        order.append("noise")
        return np.zeros(size)

    noisy(mechanism, method, noise, lambda: order.append("entered")).finish()
    assert order[0] == "entered"
    assert set(order[1:]) == {"noise"}


def test_where_it_cannot_be_entered_nothing_is_released():
    method = build_method({"name": "fedavg"})
    mechanism = planned([update("a", LAYOUTS, np.random.default_rng(6))], method)

    def full_disk():
        raise OSError

    def noise(size):
        raise AssertionError("noise was drawn")

    with pytest.raises(OSError):
        noisy(mechanism, method, noise, full_disk).finish()


def test_domains_have_a_sum_each():
    rng, method = np.random.default_rng(7), build_method({"name": "blend"})
    updates = [update(f"{domain}{i}", LAYOUTS, rng, 0.01, domain=domain) for domain in "xy" for i in range(3)]
    sums = noisy(planned(updates, method), method)
    for one in updates:
        sums.add(one)
    _, state = sums.finish()
    for domain in "xy":
        mean = np.mean([one.vectors["trunk"] for one in updates if one.domain == domain], axis=0)
        np.testing.assert_allclose(state[f"{domain}/trunk"], mean, rtol=1e-5, atol=1e-8)


def test_counts_say_of_each_bound_how_many_were_within_it():
    rng, method = np.random.default_rng(8), build_method({"name": "fedavg"})
    small = [update(f"s{i}", LAYOUTS, rng, scale=1e-4) for i in range(3)]
    large = [update("l", ["trunk"], rng, scale=1e4)]
    by_group = totals(planned(small + large, method, quantile=0.5), method, small + large)[1]
    assert by_group == {"trunk": 1.0, "head/a": 1.5, "head/b": 1.5, "gate": 1.5}
    flat = totals(planned(small + large, method, ClipKind.flat, quantile=0.5), method, small + large)[1]
    assert flat == {WHOLE: 1.0}


def test_a_client_all_of_whose_groups_stay_with_it_is_not_counted():
    rng, method = np.random.default_rng(9), build_method({"name": "fedavg"})
    members = [update("a", LAYOUTS, rng, 1e-4), Update("b", {}, {})]
    mechanism = planned(members, method, ClipKind.flat, quantile=0.5)
    assert totals(mechanism, method, members)[1] == {WHOLE: 0.5}
    assert mechanism.counted == {WHOLE: 1.0}
