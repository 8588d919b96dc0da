import numpy as np

from fedmtl.aggregation import build_method
from tests.aggregation.robustness import honest, step

MEDIAN = build_method({"name": "median"})


def test_by_hand():
    given = [np.float32(vector) for vector in ([0, 1], [2, 3], [100, -100])]
    np.testing.assert_array_equal(step(MEDIAN, given), [2, 1])


def test_against_numpy():
    for count in (3, 4, 11):
        vectors = honest(count)
        np.testing.assert_allclose(step(MEDIAN, vectors), np.median(vectors, axis=0), rtol=1e-6)
