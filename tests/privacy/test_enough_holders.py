"""No group moves by fewer holders than must take part, and otherwise nothing changes, to the last bit."""

import numpy as np
import pytest

from fedmtl.aggregation import Clock, Start, Update, build_method
from fedmtl.exchange.layout import Entry, Layout
from fedmtl.privacy.enough_holders import EnoughHolders

SIZES = {"trunk": 6, "head/a": 4, "head/b": 3}
LAYOUTS = {group: Layout((Entry("weight", (size,), "float32"),)) for group, size in SIZES.items()}
GROUPS = {group: np.ones(size, np.float32) for group, size in SIZES.items()}


def update(client, groups, weight=1.0, domain="any"):
    rng = np.random.default_rng(ord(client))
    vectors = {group: rng.standard_normal(SIZES[group]).astype(np.float32) for group in groups}
    return Update(client, vectors, dict.fromkeys(groups, weight), domain)


def start(method):
    return method.start_round(Start(GROUPS, {}, LAYOUTS, Clock(1, 3)))


def after(updates, name="fedavg", least=3, **options):
    """The groups after a round, and those after one in which any number is enough."""
    method = build_method({"name": name, **options})
    one, other = EnoughHolders(start(method), method, least), start(method)
    for each in updates:
        one.add(each)
        other.add(each)
    return one.finish(), other.finish()


UPDATES = [
    update("a", SIZES),
    update("b", ["trunk", "head/a"]),
    update("c", SIZES),
    update("d", ["trunk", "head/a"]),
]


@pytest.mark.parametrize("name", ["fedavg", "fedadam", "median", "krum", "multi-krum", "norm-bound"])
def test_a_group_of_too_few_stays_as_it_was_and_the_others_are_those_of_all_updates(name):
    (groups, _), (reference, _) = after(UPDATES, name)
    np.testing.assert_array_equal(groups["head/b"], GROUPS["head/b"])
    assert not np.array_equal(reference["head/b"], GROUPS["head/b"])
    for group in ("trunk", "head/a"):
        np.testing.assert_array_equal(groups[group], reference[group])


def test_a_holder_without_weight_is_none():
    """It adds nothing that another could hide in."""
    groups, _ = after([*UPDATES, update("e", ["head/b"], weight=0.0)])[0]
    np.testing.assert_array_equal(groups["head/b"], GROUPS["head/b"])


def test_where_a_method_averages_within_domains_each_needs_enough():
    updates = [update(client, SIZES, domain="x") for client in "abc"] + [
        update(c, SIZES, domain="y") for c in "de"
    ]
    (_, state), (_, reference) = after(updates, "blend")
    assert {name.split("/")[0] for name in state} == {"x"}
    assert {name.split("/")[0] for name in reference} == {"x", "y"}


def test_a_sum_of_enough_is_passed_on_at_once():
    method = build_method({"name": "fedavg"})
    inner, seen = start(method), []
    inner.add = seen.append
    EnoughHolders(inner, method, 3).add(
        Update("sum", update("a", SIZES).vectors, dict.fromkeys(SIZES, 5.0), "any", dict.fromkeys(SIZES, 5))
    )
    assert [one.vectors.keys() for one in seen] == [SIZES.keys()]
