import numpy as np
import pytest

from fedmtl.aggregation import build_method
from tests.aggregation.robustness import honest, step


def trimmed(**options):
    return build_method({"name": "trimmed-mean", **options})


def test_by_hand():
    given = [np.float32([value]) for value in (5, 1, 2, 900, -7)]
    np.testing.assert_allclose(step(trimmed(attackers=0.2), given), [(5 + 1 + 2) / 3], rtol=1e-6)


@pytest.mark.parametrize(("count", "share", "cut"), [(10, 0.2, 2), (10, 0, 0), (7, 0.2, 2), (32, 0.3, 10)])
def test_against_numpy(count, share, cut):
    vectors = honest(count)
    expected = np.sort(np.array(vectors, np.float64), axis=0)[cut : count - cut].mean(axis=0)
    np.testing.assert_allclose(step(trimmed(attackers=share), vectors), expected, rtol=1e-5, atol=1e-6)


def test_where_all_would_be_cut_it_is_the_median():
    vectors = honest(4)
    found = step(trimmed(attackers=0.45), vectors)
    np.testing.assert_allclose(found, np.median(vectors, axis=0), rtol=1e-5, atol=1e-6)
