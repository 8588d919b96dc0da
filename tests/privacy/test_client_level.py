import math

import pytest

from fedmtl.config import Sampling
from fedmtl.config.privacy import ClientPrivacyConfig, ClipKind, NoiseKind
from fedmtl.drawing import Draw
from fedmtl.errors import ConfigError
from fedmtl.privacy.accounting import epsilon
from fedmtl.privacy.adaptive_clipping import count_deviation, sums_multiplier
from fedmtl.privacy.client_level import plan_round
from fedmtl.privacy.clipping import WHOLE
from fedmtl.privacy.holders import Sum
from fedmtl.privacy.noise_shares import joint_multiplier
from fedmtl.privacy.release import Release

HELD = {
    "a": [Sum("trunk"), Sum("head/a")],
    "b": [Sum("trunk"), Sum("head/b")],
    "c": [Sum("trunk"), Sum("head/a"), Sum("head/b"), Sum("router")],
    "d": [],
}
EVERYBODY = Draw(Sampling.fixed, 4, 1.0)


def config(**settings):
    return ClientPrivacyConfig(**{"noise": NoiseKind.central, "multiplier": 2.0, "clip": 3.0, **settings})


def plan(draw=EVERYBODY, held=None, bounds=None, rounds=10, **settings):
    return plan_round(config(**settings), draw, rounds, held or HELD, bounds or {})


def test_a_client_of_four_groups_counts_for_half_the_multiplier():
    mechanism = plan()
    assert mechanism.release == Release.everybody(1.0)
    assert set(mechanism.multipliers.values()) == {2.0}
    assert mechanism.deviation("router") == 6.0


def test_a_flat_bound_is_over_all_groups_so_their_number_does_not_count():
    mechanism = plan(clip_by=ClipKind.flat)
    assert mechanism.release == Release.everybody(2.0)
    assert mechanism.bounds == {WHOLE: 3.0}
    assert mechanism.deviation("trunk") == 6.0


def test_sums_are_divided_by_how_many_are_expected_not_by_how_many_come():
    mechanism = plan(Draw(Sampling.poisson, 4, 0.3))
    assert mechanism.expected == pytest.approx(
        {Sum("trunk"): 0.9, Sum("head/a"): 0.6, Sum("head/b"): 0.6, Sum("router"): 0.3}
    )
    assert mechanism.release == Release.poisson(1.0, 0.3)


def test_a_fixed_number_is_accounted_as_such():
    mechanism = plan(Draw(Sampling.fixed, 4, 0.5))
    assert mechanism.release == Release.fixed(1.0, 2, 4)
    assert mechanism.expected[Sum("trunk")] == 1.5
    assert plan(Draw(Sampling.fixed, 4, 0.9)).release == Release.fixed(1.0, 4, 4)
    assert plan(Draw(Sampling.fixed, 4, 1.0)).release == Release.everybody(1.0)


def test_under_secure_sums_drawing_hides_nobody_from_the_server():
    assert plan(Draw(Sampling.poisson, 4, 0.3), noise=NoiseKind.distributed).release == Release.everybody(1.0)


def test_sums_of_two_domains_have_the_same_noise_and_a_client_is_in_one_of_them():
    held = {"a": [Sum("trunk", "x"), Sum("head/a", "x")], "b": [Sum("trunk", "y"), Sum("head/a", "y")]}
    mechanism = plan(Draw(Sampling.fixed, 2, 1.0), held)
    assert mechanism.release.multiplier == pytest.approx(2 / math.sqrt(2))
    assert mechanism.expected == {one: 1.0 for sums in held.values() for one in sums}


def test_shares_move_noise_between_groups_and_cost_nothing():
    mechanism = plan(shares={"head/*": 4.0})
    assert mechanism.release.multiplier == pytest.approx(1.0)
    assert mechanism.multipliers["head/a"] == pytest.approx(mechanism.multipliers["trunk"] / 2)


@pytest.mark.parametrize("by", ClipKind)
def test_a_target_is_met_by_what_all_groups_of_a_client_cost_together(by):
    mechanism = plan(multiplier=None, epsilon=4.0, clip_by=by, rounds=5)
    assert 3.9 < epsilon({mechanism.release: 5}, 1e-5) <= 4.0
    groups = [[one.group for one in sums] for sums in HELD.values()]
    if by is ClipKind.group:
        assert joint_multiplier(mechanism.multipliers, groups) == pytest.approx(mechanism.release.multiplier)
    else:
        assert set(mechanism.multipliers.values()) == {mechanism.release.multiplier}


def test_counts_are_part_of_the_release():
    mechanism = plan(adaptive_quantile=0.5)
    assert mechanism.release == Release.everybody(1.0)
    assert mechanism.multipliers["trunk"] == sums_multiplier(2.0)
    assert mechanism.counts["trunk"] == count_deviation(2.0)
    assert mechanism.counted == {"trunk": 3.0, "head/a": 2.0, "head/b": 2.0, "router": 1.0}


def test_bounds_that_have_adapted_are_taken():
    mechanism = plan(adaptive_quantile=0.5, bounds={"trunk": 0.5})
    assert mechanism.bounds == {"trunk": 0.5, "head/a": 3.0, "head/b": 3.0, "router": 3.0}
    flat = plan(adaptive_quantile=0.5, bounds={WHOLE: 7.0}, clip_by=ClipKind.flat)
    assert flat.bounds == {WHOLE: 7.0}
    assert flat.counted == {WHOLE: 3.0}


def test_how_much_noise_must_be_said():
    with pytest.raises(ConfigError, match=r"multiplier or privacy\.client\.epsilon"):
        plan(multiplier=None)
