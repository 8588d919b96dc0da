import numpy as np
import pytest

from fedmtl.aggregation import build_method
from fedmtl.aggregation.krum import distances, krum_scores
from tests.aggregation.robustness import honest, step


@pytest.mark.parametrize(("count", "bad"), [(5, 1), (10, 2)])
def test_it_is_the_mean_of_all_but_the_worst(count, bad):
    vectors = honest(count)
    best = np.argsort(krum_scores(distances(vectors), bad))[: count - bad]
    expected = np.mean([vectors[place] for place in best], axis=0)
    np.testing.assert_allclose(
        step(build_method({"name": "multi-krum"}), vectors), expected, rtol=1e-5, atol=1e-6
    )


def test_attackers_are_those_that_are_left_out():
    good = honest(8, spread=0.3)
    bad = [good[0] + 100, good[1] - 100]
    found = step(build_method({"name": "multi-krum"}), [bad[0], *good, bad[1]])
    np.testing.assert_allclose(found, np.mean(good, axis=0), rtol=1e-5, atol=1e-6)
