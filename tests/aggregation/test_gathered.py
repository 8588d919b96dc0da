import numpy as np
import pytest

from fedmtl.aggregation import Clock, Start, Update
from fedmtl.aggregation.gathered import (
    CHUNK,
    Gathered,
    Holder,
    combine,
    cosines,
    gramian,
    weighted_mean,
)
from tests.aggregation.small import GROUPS, IMAGES, TRAINS, update


class Kept(Gathered):
    def finish(self):
        return dict(self.start.groups), dict(self.start.state)


def gathered(*updates):
    kept = Kept(Start(GROUPS, {}, {}, Clock(1, 1)))
    for one in updates:
        kept.add(one)
    return kept


def vectors(count, size, offset=0.0):
    rng = np.random.default_rng(size)
    return [(rng.standard_normal(size) + offset).astype(np.float32) for _ in range(count)]


def test_a_group_has_the_holders_that_trained_it_with_weight():
    weightless = Update("a", {"backbone": GROUPS["backbone"]}, {"backbone": 0.0})
    kept = gathered(update("d"), weightless, update("c"))
    assert [holder.client for holder in kept.holders["backbone"]] == ["d", "c"]
    assert [holder.weight for holder in kept.holders["backbone"]] == [IMAGES["d"], IMAGES["c"]]
    assert [holder.client for holder in kept.holders["stem/4"]] == ["d"]
    assert set(kept.holders) == {*TRAINS["c"], *TRAINS["d"]}
    assert kept.clients == ["c", "d"]
    assert kept.places("backbone") == [1, 0]


@pytest.mark.parametrize("size", [0, 1, CHUNK, CHUNK + 1, 2 * CHUNK + 7])
@pytest.mark.parametrize("centred", [False, True])
def test_inner_products_are_those_of_the_whole_vectors(size, centred):
    rows = vectors(3, size, offset=5.0)
    wide = np.stack(rows).astype(np.float64)
    wide -= wide.mean(axis=0) if centred else 0
    np.testing.assert_allclose(gramian(rows, centred=centred), wide @ wide.T, rtol=1e-12, atol=1e-9)


def test_equal_vectors_are_their_mean_to_the_last_bit():
    (row,) = vectors(1, 100)
    assert (gramian([row] * 3, centred=True) == 0).all()


def test_inner_products_over_groups_count_what_a_client_does_not_hold_as_zero():
    kept = gathered(update("c"), update("d"))
    c, d = update("c").vectors, update("d").vectors
    found = kept.gramian(["backbone", "stem/3"])
    expected = [
        [c["backbone"] @ c["backbone"] + c["stem/3"] @ c["stem/3"], c["backbone"] @ d["backbone"]],
        [c["backbone"] @ d["backbone"], d["backbone"] @ d["backbone"]],
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_cosines_are_zero_beside_a_vector_of_zeros():
    rows = np.array([[3.0, 0.0], [4.0, 4.0], [0.0, 0.0]])
    half = np.sqrt(0.5)
    np.testing.assert_allclose(cosines(rows @ rows.T), [[1, half, 0], [half, 1, 0], [0, 0, 0]], atol=1e-12)


@pytest.mark.parametrize("size", [0, 1, CHUNK, 2 * CHUNK + 7])
def test_combinations_are_a_matrix_product(size):
    rows, weights = vectors(3, size), np.random.default_rng(1).standard_normal((2, 3))
    found = combine(weights, rows)
    assert [row.dtype for row in found] == [np.float32, np.float32]
    np.testing.assert_allclose(found, weights @ np.stack(rows), rtol=0, atol=1e-5)


def test_combinations_own_their_memory():
    """One that outlives the others keeps only itself."""
    assert all(row.base is None for row in combine(np.eye(2), vectors(2, 5)))


def test_the_mean_weighs_holders():
    one, other = vectors(2, 6)
    found = weighted_mean([one, other], [Holder("a", one, 1.0), Holder("b", other, 3.0)])
    np.testing.assert_allclose(found, 0.25 * one + 0.75 * other, rtol=1e-5)
