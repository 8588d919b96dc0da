import math

import dp_accounting
import pytest
from dp_accounting.pld import PLDAccountant
from dp_accounting.rdp import RdpAccountant

from fedmtl.errors import ConfigError
from fedmtl.privacy.accounting import epsilon, event_of, solve_multiplier
from fedmtl.privacy.release import Release

DELTA = 1e-5
ADD = dp_accounting.NeighboringRelation.ADD_OR_REMOVE_ONE
REPLACE = dp_accounting.NeighboringRelation.REPLACE_ONE


@pytest.mark.parametrize(
    ("release", "rounds", "expected"),
    [
        (Release.poisson(1.0, 0.05), 100, 3.50),
        (Release.poisson(2 / math.sqrt(5), 0.1), 200, 12.36),  # z = 2 in five groups of one client
        (Release.fixed(2.0, 50, 1000), 100, 6.47),  # 1 in units of what exchanging one client changes
        (Release.fixed(1.0, 50, 1000), 100, 34.26),
    ],
)
def test_known_values(release, rounds, expected):
    assert epsilon({release: rounds}, DELTA) == pytest.approx(expected, abs=0.006)


def test_the_same_event_costs_what_dp_accounting_says():
    accountant = PLDAccountant(ADD)
    events = dp_accounting.PoissonSampledDpEvent(0.1, dp_accounting.GaussianDpEvent(4.0))
    accountant.compose(events, 30)
    accountant.compose(dp_accounting.GaussianDpEvent(9.0), 2)
    together = {Release.poisson(4.0, 0.1): 30, Release.everybody(9.0): 2}
    assert epsilon(together, DELTA) == pytest.approx(accountant.get_epsilon(DELTA), rel=1e-9)


def test_a_fixed_number_of_clients_is_accounted_for_one_that_is_exchanged_for_another():
    accountant = RdpAccountant(neighboring_relation=REPLACE)
    gaussian = dp_accounting.GaussianDpEvent(
        3.0
    )  # 6 over what one client adds is 3 over what an exchange changes
    accountant.compose(dp_accounting.SampledWithoutReplacementDpEvent(20, 5, gaussian), 10)
    assert epsilon({Release.fixed(6.0, 5, 20): 10}, DELTA) == accountant.get_epsilon(DELTA)


def test_whoever_is_drawn_for_certain_is_not_hidden_by_the_drawing():
    assert Release.poisson(2.0, 1.0) == Release.everybody(2.0)


def test_a_fixed_number_of_which_all_are_drawn_at_times_is_accounted_as_one_kind():
    """Rounds of four of four and five of six clients: the first hide nobody, and an exchange counts twice."""
    all_of_four, five_of_six = Release.fixed(4.0, 4, 4), Release.fixed(4.0, 5, 6)
    together = epsilon({all_of_four: 3, five_of_six: 2}, DELTA)
    assert epsilon({five_of_six: 5}, DELTA) != together > epsilon({all_of_four: 3}, DELTA)
    assert epsilon({all_of_four: 3}, DELTA) >= epsilon({Release.everybody(2.0): 3}, DELTA)


def test_a_coarser_grid_only_adds():
    """Where losses are large, ε comes from a grid of its own, and never from one that would round it down."""
    release = Release.everybody(0.5)
    accountant = PLDAccountant(ADD, value_discretization_interval=1e-3)
    accountant.compose(event_of(release), 20)
    assert epsilon({release: 20}, DELTA) >= accountant.get_epsilon(DELTA) - 1e-9


def test_nothing_costs_nothing_and_no_noise_costs_everything():
    assert epsilon({}, DELTA) == 0
    assert epsilon({Release.everybody(0.0): 1}, DELTA) == math.inf


def test_more_rounds_and_less_noise_cost_more():
    base = epsilon({Release.poisson(6.0, 0.2): 10}, DELTA)
    assert base < epsilon({Release.poisson(6.0, 0.2): 11}, DELTA)
    assert base < epsilon({Release.poisson(5.0, 0.2): 10}, DELTA)
    assert base < epsilon({Release.poisson(6.0, 0.3): 10}, DELTA)


def test_kinds_that_mean_different_things_are_not_added_up():
    with pytest.raises(ConfigError, match=r"federation\.sampling"):
        epsilon({Release.fixed(1.0, 2, 4): 1, Release.poisson(1.0, 0.5): 1}, DELTA)


@pytest.mark.parametrize(
    ("release", "target"),
    [
        (lambda z: Release.poisson(z, 0.1), 0.5),
        (Release.everybody, 8.0),
        (lambda z: Release.fixed(z, 2, 20), 8.0),
    ],
    ids=["poisson", "everybody", "fixed"],
)
def test_the_noise_for_a_target_costs_no_more_than_it_and_hardly_less(release, target):
    multiplier = solve_multiplier(release, 20, target, DELTA)
    assert epsilon({release(multiplier): 20}, DELTA) <= target
    assert epsilon({release(multiplier * 0.99): 20}, DELTA) > target * 0.99


def test_what_was_spent_before_leaves_less():
    spent = {Release.everybody(8.0): 5}
    fresh = solve_multiplier(Release.everybody, 5, 2.0, DELTA)
    later = solve_multiplier(Release.everybody, 5, 2.0, DELTA, spent)
    assert later > fresh
    assert epsilon({**spent, Release.everybody(later): 5}, DELTA) <= 2.0


def test_a_target_below_what_was_spent_is_refused():
    with pytest.raises(ConfigError, match="no noise makes 1 rounds"):
        solve_multiplier(Release.everybody, 1, 1.0, DELTA, {Release.everybody(0.5): 1})
