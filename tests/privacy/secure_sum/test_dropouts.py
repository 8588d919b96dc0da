"""Secure sums are the plain weighted means, whoever drops out and when."""

from itertools import product

import numpy as np
import pytest

from fedmtl.privacy.secure_sum import Weighted
from tests.privacy.secure_sum.federation import FIVE, Federation, held_by_first

SIZES = {5: 3, 4: 7, 3: 2, 2: 4, 1: 5}
GROUPS = {f"held by {count}": held_by_first(count, size) for count, size in SIZES.items()}
COUNTS = {f"counts of {count}": held_by_first(count, 6, "statistics") for count in (5, 3)}
NEVER, BEFORE, AFTER, STAYS = "never dealt", "before its upload", "after its upload", "stays"
ENOUGH = 3


def values(rng):
    means = {
        name: {
            client: Weighted(rng.uniform(1, 100), rng.uniform(-8, 8, group.size).astype(np.float32))
            for client in group.holders
        }
        for name, group in GROUPS.items()
    }
    counts = {
        name: {client: rng.integers(0, 1 << 34, group.size).astype(np.float64) for client in group.holders}
        for name, group in COUNTS.items()
    }
    return means | counts


def plain_mean(parts):
    total = sum(part.weight * part.values.astype(np.float64) for part in parts)
    return total / sum(part.weight for part in parts)


def check(outcome, sent, uploaded, helped):
    for name, parts in sent.items():
        there = [client for client in parts if client in uploaded]
        if len(there) < ENOUGH or len(helped) < ENOUGH:
            assert name not in outcome.sums
            continue
        result = outcome.sums[name]
        assert result.holders == tuple(there)
        if name in COUNTS:
            np.testing.assert_array_equal(result.total, sum(parts[client] for client in there))
        else:
            np.testing.assert_allclose(result.mean, plain_mean([parts[c] for c in there]), rtol=0, atol=1e-5)
            np.testing.assert_allclose(result.weight, sum(parts[c].weight for c in there), rtol=1e-7)
    assert not outcome.faulty


def check_pattern(federation, fates, rng):
    """A round in which each of `FIVE` has one of the fates; how many groups were opened."""
    never, before, after, stays = (
        {client for client, own in zip(FIVE, fates, strict=True) if own == fate}
        for fate in (NEVER, BEFORE, AFTER, STAYS)
    )
    sent, setup = values(rng), federation.setup(GROUPS | COUNTS)
    outcome = federation.round(setup, sent, never=never, before=before, after=after)
    check(outcome, sent, after | stays if len(FIVE) - len(never) >= ENOUGH else (), stays)
    assert set(outcome.sums) | set(outcome.unchanged) == set(setup.groups)
    return len(outcome.sums)


def test_every_pattern_of_five():
    """Each stays or drops out before or after its upload: 3⁵ patterns."""
    federation, rng = Federation(), np.random.default_rng(0)
    opened = [check_pattern(federation, fates, rng) for fates in product((BEFORE, AFTER, STAYS), repeat=5)]
    assert sum(count > 0 for count in opened) == 1 + 2 * 5 + 4 * 10


@pytest.mark.parametrize("signed", [False, True], ids=["three exchanges", "four"])
def test_patterns_in_which_some_never_deal(signed):
    """Every set of those who do, and 30 of the 4⁵ patterns."""
    federation, rng = Federation(signed=signed), np.random.default_rng(1)
    for fates in product((NEVER, STAYS), repeat=5):
        check_pattern(federation, fates, rng)
    for _ in range(30):
        check_pattern(federation, rng.choice([NEVER, BEFORE, AFTER, STAYS], 5, p=[0.1, 0.15, 0.15, 0.6]), rng)


def test_who_sits_out_still_helps():
    """Three upload and two of them die; the two that could not upload open the sum with the third."""
    federation = Federation()
    sent = values(np.random.default_rng(1))
    server = federation.begin(federation.setup(GROUPS))
    federation.receive(server.deliveries())
    federation.upload(server, sent, without=FIVE[3:])
    outcome = federation.open(server, without=FIVE[:2])
    check(outcome, {name: sent[name] for name in GROUPS}, FIVE[:3], FIVE[2:])
    assert set(outcome.sums) == {"held by 5", "held by 4", "held by 3"}


def test_why_a_group_is_unchanged():
    federation = Federation()
    outcome = federation.round(
        federation.setup(GROUPS), values(np.random.default_rng(2)), before=[FIVE[0]], after=FIVE[1:2]
    )
    assert set(outcome.sums) == {"held by 5", "held by 4"}
    assert outcome.unchanged == {"held by 3": "fewer than 3 of its holders sent it"}
    few = federation.round(federation.setup(GROUPS), values(np.random.default_rng(2)), after=FIVE[:3])
    assert few.unchanged["held by 4"] == "2 clients helped to open it, 3 are needed"


def test_groups_that_too_few_hold_are_in_no_setup():
    assert set(Federation().setup(GROUPS).groups) == {"held by 5", "held by 4", "held by 3"}


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_messages_does_not_matter(seed):
    """Not even in the last bit."""
    sums = []
    for order in (FIVE, tuple(np.random.default_rng(seed).permutation(FIVE).tolist())):
        federation = Federation(order)
        outcome = federation.round(
            federation.setup(GROUPS), values(np.random.default_rng(3)), before=FIVE[1:2]
        )
        sums.append({name: result.total.tobytes() for name, result in outcome.sums.items()})
    assert sums[0] == sums[1]
