"""What the server sees of one client is noise: uniform, unlike what it hides, and unlike any other's."""

import numpy as np
import pytest

from fedmtl.privacy.secure_sum import Weighted
from fedmtl.privacy.secure_sum.seeds import own_seed, pair_seeds
from tests.privacy.secure_sum.federation import FIVE, Federation, held_by_first

SIZE = 200_000
GROUPS = {
    "head": held_by_first(3, SIZE),
    "backbone": held_by_first(5, SIZE),
    "counts": held_by_first(5, SIZE, "statistics"),
}
VALUES = {
    name: {
        client: np.full(SIZE, 5.0)
        if group.kind == "statistics"
        else Weighted(50.0, np.linspace(-1, 1, SIZE, dtype="f4"))
        for client in group.holders
    }
    for name, group in GROUPS.items()
}
"""The same of every client and in every round."""
SIGMAS = 7
"""The masks are random; so far off is one of 10¹¹."""


@pytest.fixture(scope="module")
def rounds():
    """Of two rounds, client → group → masked vector; the values are the same in both."""
    federation, seen = Federation(), []
    for number in (1, 2):
        server = federation.begin(federation.setup(GROUPS, number))
        federation.receive(server.deliveries())
        seen.append({client: federation.mask(client, VALUES)[1] for client in FIVE})
    return seen


def bytes_of(vectors):
    return [vector.view(np.uint8) for vector in vectors.values()]


def test_every_byte_is_as_likely(rounds):
    """Chi-square with 255 degrees of freedom, for each place of a byte in a number as well."""
    for vectors in rounds[0].values():
        for vector in vectors.values():
            places = vector.view(np.uint8).reshape(SIZE + (vector.itemsize == 4), vector.itemsize)
            for counted in (places, *places.T):
                counts = np.bincount(counted.reshape(-1), minlength=256)
                expected = counts.sum() / 256
                assert ((counts - expected) ** 2 / expected).sum() < 255 + SIGMAS * (2 * 255) ** 0.5


def test_nothing_of_the_values_is_left(rounds):
    ramp = np.linspace(-1, 1, SIZE)
    for vectors in rounds[0].values():
        assert abs(np.corrcoef(vectors["backbone"][1:], ramp)[0, 1]) < SIGMAS / SIZE**0.5


def test_vectors_of_equal_values_have_nothing_in_common(rounds):
    """Of two clients, two groups or two rounds."""
    vectors = [
        vectors[group][-SIZE:]
        for seen in rounds
        for vectors in seen.values()
        for group in ("backbone", "head")
        if group in vectors
    ]
    assert len(vectors) == 16
    among = np.corrcoef(np.stack(vectors).astype(np.float64))
    assert np.abs(among - np.eye(16)).max() < SIGMAS / SIZE**0.5


def test_differences_of_vectors_are_masked_too(rounds):
    """A mask that two vectors had in common would leave a constant: the values are the same."""
    one, other = rounds[0][FIVE[0]]["backbone"], rounds[0][FIVE[1]]["backbone"]
    again = rounds[1][FIVE[0]]["backbone"]
    for difference in (one - other, one + other, one - again, one - rounds[0][FIVE[0]]["head"]):
        assert np.unique(difference).size > 0.99 * SIZE


def test_seeds_have_256_bits_and_are_of_one_use():
    secret = bytes(32)
    setups, groups = [b"1" * 32, b"2" * 32], ["backbone", "head"]
    seeds = [
        own_seed(secret, setup, client, group) for setup in setups for group in groups for client in FIVE
    ]
    for setup in setups:
        for group in groups:
            for client in FIVE:
                pairs = pair_seeds(setup, group, client, [(peer, secret) for peer in FIVE if peer > client])
                assert not pairs.minus
                seeds += pairs.plus
    assert {len(seed) for seed in seeds} == {32}
    assert len(set(seeds)) == len(seeds) == 2 * 2 * (5 + 10)


def test_both_ends_of_a_pair_have_the_same_seed_with_opposite_signs():
    one = pair_seeds(b"setup", "head", "ada", [("ben", b"agreed")])
    other = pair_seeds(b"setup", "head", "ben", [("ada", b"agreed")])
    assert one.plus == other.minus
    assert one.minus == other.plus == []
