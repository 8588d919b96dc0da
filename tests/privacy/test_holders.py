"""Which groups leave, and what their sums are called."""

import pytest

from fedmtl.aggregation import build_method
from fedmtl.privacy.holders import Sum, staying, sum_of

HELD = [["backbone", "head/depth"], ["backbone", "head/depth"], ["backbone"]]


@pytest.mark.parametrize(
    ("one", "name"),
    [
        (Sum("backbone"), "backbone"),
        (Sum("head/depth", "street"), "street|head/depth"),
        (Sum("router/depth/semseg", "a.b", 2), "a.b|router/depth/semseg#2"),
        (Sum("norm", bucket=11), "norm#11"),
    ],
)
def test_a_sum_is_known_by_its_name(one, name):
    assert one.name == name
    assert Sum.parse(name) == one


def test_what_is_no_number_is_no_bucket():
    assert Sum.parse("head/a#b").bucket == 0


def test_sums_are_of_a_domain_where_the_method_averages_within_domains():
    assert sum_of(build_method({"name": "fedavg"}), "backbone", "street") == Sum("backbone")
    assert sum_of(build_method({"name": "blend"}), "backbone", "street") == Sum("backbone", "street")


def test_groups_of_too_few_holders_stay():
    assert staying(HELD, 1) == ()
    assert staying(HELD, 3) == ("head/depth",)
    assert staying(HELD, 4) == ("backbone", "head/depth")


def test_what_was_settled_stays_settled_whoever_comes():
    """A client would have a shared value of a group today, and a private one tomorrow."""
    leaving = frozenset({"backbone"})
    more = [*HELD, ["backbone", "head/depth"], ["norm"]]
    assert staying(more, 3, leaving) == ("head/depth", "norm")
    assert staying([["backbone"]], 3, leaving) == ()
