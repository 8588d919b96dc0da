import numpy as np
import pytest

from fedmtl.aggregation import build_method
from fedmtl.aggregation.krum import distances, krum_scores
from fedmtl.aggregation.order_statistics import BLOCK
from tests.aggregation.robustness import honest, step

KRUM = build_method({"name": "krum"})


def krum_by_hand(vectors, bad):
    """The definition, in a few lines of float64."""
    wide = np.array(vectors, np.float64)
    apart = ((wide[:, None] - wide) ** 2).sum(axis=2)
    scores = [np.sort(np.delete(row, i))[: len(wide) - bad - 2].sum() for i, row in enumerate(apart)]
    return apart, np.array(scores)


@pytest.mark.parametrize(("count", "bad"), [(5, 1), (10, 2), (13, 3)])
def test_it_takes_the_update_that_the_definition_takes(count, bad):
    vectors = honest(count, seed=count)
    apart, scores = krum_by_hand(vectors, bad)
    np.testing.assert_allclose(distances(vectors), apart, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(krum_scores(apart, bad), scores, rtol=1e-12)
    np.testing.assert_array_equal(step(KRUM, vectors), vectors[int(np.argmin(scores))])


@pytest.mark.parametrize("size", [1, BLOCK, 2 * BLOCK + 7])
def test_distances_are_those_of_whole_vectors(size):
    vectors = honest(4, size)
    np.testing.assert_allclose(distances(vectors), krum_by_hand(vectors, 0)[0], rtol=1e-9)


def test_what_differs_by_little_is_told_apart():
    """Updates of one that differ by 1e-5: float32 products of the updates themselves give noise, or less than zero."""
    rng = np.random.default_rng(0)
    common = rng.standard_normal(5000)
    vectors = [(common + 1e-5 * rng.standard_normal(5000)).astype(np.float32) for _ in range(9)]
    vectors.append((common + 2e-5).astype(np.float32))
    apart, scores = krum_by_hand(vectors, 2)
    np.testing.assert_allclose(distances(vectors), apart, rtol=1e-6)
    np.testing.assert_array_equal(step(KRUM, vectors), vectors[int(np.argmin(scores))])

    rows = np.stack(vectors)
    products = rows @ rows.T
    plain = np.diag(products)[:, None] + np.diag(products) - 2 * products
    assert not np.allclose(plain, apart, rtol=0.1)


def test_one_far_off_does_not_blur_the_others():
    """Centred on the mean, a single attacker at 1e12 would leave no digit of what tells the others apart."""
    vectors = [*honest(9), np.full(300, 1e12, np.float32)]
    apart, _ = krum_by_hand(vectors, 2)
    np.testing.assert_allclose(distances(vectors)[:9, :9], apart[:9, :9], rtol=1e-6)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
def test_too_few_holders_take_the_median(count):
    """A fifth is one of up to five holders, for which Krum needs five, and two of six, for which it needs seven."""
    vectors = honest(count)
    np.testing.assert_allclose(step(KRUM, vectors), np.median(vectors, axis=0), rtol=1e-6)


def test_five_are_enough_for_one_attacker():
    vectors = [*honest(4), np.full(300, 50, np.float32)]
    assert any((step(KRUM, vectors) == vector).all() for vector in vectors[:4])


def test_with_no_attackers_to_expect_it_is_still_one_of_them():
    vectors = honest(3)
    found = step(build_method({"name": "krum", "attackers": 0}), vectors)
    assert any((found == vector).all() for vector in vectors)
