"""A robust rule over sums of buckets: what the server makes of masked sums is what it makes of all updates in clear."""

import numpy as np
import pytest

from fedmtl.errors import ConfigError
from fedmtl.privacy.holders import Sum
from fedmtl.privacy.secure_sum.fixed_point import GroupSum
from server.secure_strategy import updates_of
from simulations.inprocess import run_inprocess
from simulations.preflight import check_scenario
from tests.federations import events_of
from tests.secure_federation import SUMS, create, furthest

SEVEN = "clients.e.copies=3"
"""Seven holders of what all share, so buckets of four and three: where they are cut matters."""


def median(path, *overrides):
    directory = create(path, SEVEN, "method.name=median", *overrides)
    run_inprocess(directory)
    return directory


def test_masked_buckets_give_what_buckets_in_clear_give(tmp_path):
    clear, masked = (
        median(tmp_path / "clear", "method.bucket=3"),
        median(tmp_path / "masked", "method.bucket=3", SUMS),
    )
    assert not events_of(masked, "failure")
    assert furthest(clear, masked) < 1e-5


@pytest.mark.parametrize("options", [("method.name=median",), ("method.name=norm-bound", "method.bound=1")])
def test_a_rule_that_looks_at_each_client_is_refused(options, tmp_path):
    with pytest.raises(ConfigError, match="secure_sums"):
        check_scenario(create(tmp_path / "run", SEVEN, SUMS, *options).scenario)


def test_each_group_of_a_sum_has_its_own_number_of_holders():
    """How many of them may attack depends on who holds the group, not on who shares its bucket's place."""

    def total(*holders):
        return GroupSum(holders, float(len(holders)), np.ones(2, np.int32), 1.0)

    (update,) = updates_of(
        {Sum("backbone").name: total("a", "b"), Sum("head/depth").name: total("a", "c", "d")}, {}
    )
    assert (update.holders_of("backbone"), update.holders_of("head/depth")) == (2, 3)
