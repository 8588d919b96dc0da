"""Canaries in a federation of vectors, through the real clipping, noise and sums, beside the accountant's ε."""

from collections import Counter

import numpy as np
import pytest

from fedmtl.aggregation import Clock, Start, Update, build_method
from fedmtl.attacks.canary import direction
from fedmtl.config import Sampling
from fedmtl.config.privacy import ClientPrivacyConfig, ClipKind, NoiseKind
from fedmtl.drawing import Draw
from fedmtl.exchange.layout import Entry, Layout
from fedmtl.privacy import noisy_sums
from fedmtl.privacy.accounting import epsilon
from fedmtl.privacy.audits.canary import estimate_epsilon, gaussian_epsilon, score
from fedmtl.privacy.client_level import plan_round
from fedmtl.privacy.clipping import factors
from fedmtl.privacy.holders import sum_of
from fedmtl.privacy.noisy_sums import NoisySums
from fedmtl.privacy.release import Release

DELTA = 1e-5
SIZES = {"backbone": 9_000, "norm": 1_000}
ROUNDS, HONEST, CANARIES = 5, 10, 40


@pytest.mark.parametrize("multiplier", [0.3, 1.0, 4.0])
def test_a_perfect_canary_of_one_release_has_the_accountants_epsilon(multiplier):
    accounted = epsilon({Release.everybody(multiplier): 1}, DELTA)
    assert gaussian_epsilon(1 / multiplier, DELTA) == pytest.approx(accounted, rel=1e-3)


def test_a_score_is_over_the_groups_of_the_direction_alone():
    one = {"a": np.array([3.0, 0.0], np.float32), "b": np.array([1.0], np.float32)}
    released = {**one, "c": np.array([9.0], np.float32)}
    assert score(released, one) == pytest.approx((2**0.5 + 1) / 2**0.5)
    assert score(released, {"a": np.array([0.0, 1.0], np.float32)}) == 0
    assert score({"a": np.zeros(2, np.float32)}, {"a": one["a"]}) == 0


def test_directions_that_were_never_added_give_no_epsilon():
    rng, found = np.random.default_rng(0), []
    for _ in range(20):
        found.append(estimate_epsilon(rng.normal(0, 1, CANARIES), DELTA).low)
    assert np.median(found) == 0
    assert max(found) < 1


def test_a_direction_has_norm_one_in_each_group_and_belongs_to_seed_and_client():
    own = direction(0, "canary-0", SIZES)
    assert [float(vector @ vector) for vector in own.values()] == pytest.approx([1, 1], rel=1e-5)
    again = direction(0, "canary-0", SIZES)
    assert all(np.array_equal(own[group], again[group]) for group in SIZES)
    for other in (direction(1, "canary-0", SIZES), direction(0, "canary-1", SIZES)):
        assert abs(score(own, other)) < 4


def audited(multiplier, seed, clip_by=ClipKind.flat):
    """The estimate from one run of some honest clients and canaries, and the accountant's ε of the run."""
    config = ClientPrivacyConfig(NoiseKind.central, multiplier, delta=DELTA, clip_by=clip_by)
    method, rng = build_method({"name": "fedavg"}), np.random.default_rng(seed)
    canaries = {f"canary-{i}": direction(seed, f"canary-{i}", SIZES) for i in range(CANARIES)}
    names = [*canaries, *(f"honest-{i}" for i in range(HONEST))]
    held = {name: [sum_of(method, group, "any") for group in SIZES] for name in names}
    draw = Draw(Sampling.fixed, len(names), 1.0)
    layouts = {group: Layout((Entry(group, (size,), "float32"),)) for group, size in SIZES.items()}
    began = {group: np.zeros(size, np.float32) for group, size in SIZES.items()}
    groups, releases = began, Counter()
    for number in range(1, ROUNDS + 1):
        mechanism = plan_round(config, draw, ROUNDS, held, {})
        start = Start(groups, {}, layouts, Clock(number, ROUNDS))
        folding = NoisySums(
            method.start_round(start), method, mechanism, SIZES, lambda: None, noise=rng.standard_normal
        )
        for name in names:
            # Honest clients agree a little, and are clipped as well.
            vectors = {
                g: (100 * canaries[name][g] if name in canaries else rng.normal(0.02, 1, size)).astype(
                    np.float32
                )
                for g, size in SIZES.items()
            }
            folding.add(Update(name, vectors, dict.fromkeys(SIZES, 1.0)))
        groups, _ = folding.finish()
        releases[mechanism.release] += 1
    scores = np.array([score(groups, own) for own in canaries.values()])
    return estimate_epsilon(scores, DELTA), epsilon(releases, DELTA)


@pytest.mark.parametrize("clip_by", ClipKind)
def test_the_estimate_does_not_contradict_the_accountant_and_rises_without_noise(clip_by):
    """These canaries are as good as attackers get, so estimates lie on both sides of the accountant's ε.

    What may not lie above it is the interval.
    """
    quiet, _ = audited(1e-3, 0, clip_by)
    for multiplier in (1.0, 3.0):
        for seed in range(3):
            found, accounted = audited(multiplier, seed, clip_by)
            assert found.low <= accounted <= 1.5 * found.high
            assert quiet.value > 3 * found.high


def test_a_federation_that_clips_to_twice_the_bound_it_accounts_for_is_caught(monkeypatch):
    monkeypatch.setattr(
        noisy_sums, "factors", lambda *arguments: {g: 2 * f for g, f in factors(*arguments).items()}
    )
    found, accounted = audited(1.0, 0)
    assert found.low > accounted
