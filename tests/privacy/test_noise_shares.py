import math

import pytest

from fedmtl.errors import ConfigError
from fedmtl.privacy.noise_shares import check_shares, group_multipliers, joint_multiplier, most_groups

HELD = [("trunk", "head/a"), ("trunk", "head/a", "head/b", "norm"), ("trunk",)]


def test_equal_multipliers_of_several_groups_are_as_one_of_z_over_the_root_of_their_number():
    assert joint_multiplier({"a": 2.0, "b": 2.0, "c": 2.0, "d": 2.0}, [("a",), ("a", "b", "c", "d")]) == 1.0
    assert joint_multiplier({"a": 3.0, "b": 4.0}, [("a", "b")]) == pytest.approx(12 / 5)


def test_who_sends_nothing_needs_no_noise():
    assert joint_multiplier({}, [(), ()]) == math.inf
    assert most_groups([(), ()]) == 1
    assert most_groups(HELD) == 4


def test_without_shares_every_group_is_the_same():
    found = group_multipliers(1.5, HELD, {})
    assert found == pytest.approx(dict.fromkeys(("head/a", "head/b", "norm", "trunk"), 1.5 * 2))


@pytest.mark.parametrize("shares", [{}, {"head/*": 4.0}, {"head/a": 0.1, "head/*": 9.0}, {"trunk": 100.0}])
def test_shares_change_what_a_group_gets_and_not_the_total(shares):
    found = group_multipliers(0.7, HELD, shares)
    assert joint_multiplier(found, HELD) == pytest.approx(0.7)


def test_a_share_of_four_halves_the_noise_against_the_others_and_the_first_pattern_counts():
    found = group_multipliers(1.0, HELD, {"head/b": 4.0, "head/*": 1.0})
    assert found["head/b"] == pytest.approx(found["head/a"] / 2)
    assert found["head/a"] == found["trunk"]


def test_a_pattern_that_matches_nothing_is_refused_with_the_nearest_group():
    with pytest.raises(ConfigError, match="did you mean 'head/a'"):
        check_shares({"head/a", "trunk"}, {"haed/a": 2.0})
    check_shares({"head/a", "trunk"}, {"head/*": 2.0})
