import numpy as np
import pytest

from fedmtl.aggregation import build_method
from tests.aggregation.robustness import honest, step, updates


def bounded(vectors, bound):
    wide = np.array(vectors, np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    return (wide * np.minimum(1, bound / lengths)).mean(axis=0)


def test_by_hand():
    given = [np.float32([3, 4]), np.float32([0, 10])]
    found = step(build_method({"name": "norm-bound", "bound": 5.0}), given)
    np.testing.assert_allclose(found, [1.5, 4.5], rtol=1e-6)


@pytest.mark.parametrize("count", [3, 4, 10])
def test_against_numpy(count):
    vectors = [scale * vector for scale, vector in enumerate(honest(count), 1)]
    half = float(np.median(np.linalg.norm(vectors, axis=1)))
    expected = bounded(vectors, half)
    np.testing.assert_allclose(
        step(build_method({"name": "norm-bound"}), vectors), expected, rtol=1e-5, atol=1e-6
    )
    fixed = build_method({"name": "norm-bound", "bound": half})
    np.testing.assert_allclose(step(fixed, vectors), expected, rtol=1e-5, atol=1e-6)


def test_who_has_no_weight_does_not_count():
    vectors = honest(3)
    method = build_method({"name": "norm-bound", "bound": 1.0})
    found = step(method, updates(vectors, [1.0, 0.0, 7.0]))
    np.testing.assert_allclose(found, bounded([vectors[0], vectors[2]], 1.0), rtol=1e-5, atol=1e-6)


def test_vectors_of_zeros_and_of_nothing_are_legal():
    for method in (build_method({"name": "norm-bound"}), build_method({"name": "norm-bound", "bound": 1.0})):
        assert (step(method, [np.zeros(3, np.float32)] * 3) == 0).all()
        assert step(method, [np.zeros(0, np.float32)] * 3).size == 0


@pytest.mark.parametrize("bound", [None, 2.0])
def test_the_longest_vectors_stay_finite(bound):
    vectors = [*honest(9), np.full(300, np.finfo(np.float32).max)]
    found = step(build_method({"name": "norm-bound", "bound": bound}), vectors)
    assert np.isfinite(found).all()
    assert np.linalg.norm(found) < 30
