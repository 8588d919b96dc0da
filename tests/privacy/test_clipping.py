import math

import numpy as np
import pytest

from fedmtl.config.privacy import ClipKind
from fedmtl.errors import ExchangeError
from fedmtl.exchange.layout import CHUNK, norm
from fedmtl.privacy.clipping import WHOLE, clipped, factors

VECTORS = {
    "a": np.array([3.0, 4.0], np.float32),
    "b": np.array([12.0], np.float32),  # of a parameter without dimensions
    "zero": np.zeros(3, np.float32),
}


def test_norms_by_hand():
    assert norm(VECTORS["a"]) == 5
    assert norm(np.ones(2 * CHUNK + 7, np.float32)) == math.sqrt(2 * CHUNK + 7)
    assert norm(np.zeros(0, np.float32)) == 0


def test_norms_are_summed_in_float64():
    tiny = np.full(CHUNK + 1, 1e-30, np.float32)
    assert norm(tiny) == pytest.approx(1e-30 * math.sqrt(tiny.size), rel=1e-6)
    assert norm(np.full(4, 3e38, np.float32)) == pytest.approx(6e38, rel=1e-6)


def test_each_group_by_itself():
    bounds = {"a": 2.5, "b": 20.0, "zero": 1.0}
    assert factors(VECTORS, bounds, ClipKind.group) == {"a": 0.5, "b": 1.0, "zero": 1.0}
    after = clipped(VECTORS, bounds, ClipKind.group)
    np.testing.assert_allclose(after["a"], [1.5, 2.0], rtol=1e-6)
    assert after["b"] is VECTORS["b"]


def test_all_groups_together():
    assert factors(VECTORS, {WHOLE: 6.5}, ClipKind.flat) == dict.fromkeys(VECTORS, 0.5)
    assert factors(VECTORS, {WHOLE: 13.0}, ClipKind.flat) == dict.fromkeys(VECTORS, 1.0)


def test_what_is_clipped_is_never_beyond_its_bound_for_all_that_float32_rounds():
    rng = np.random.default_rng(0)
    for size, scale in ((1, 1e30), (3, 1e-3), (1000, 1.0), (100_000, 1e5)):
        vector = (scale * rng.standard_normal(size)).astype(np.float32)
        bound = 0.3 * norm(vector)
        assert norm(clipped({"g": vector}, {"g": bound}, ClipKind.group)["g"]) <= bound
        both = clipped({"g": vector, "h": vector}, {WHOLE: bound}, ClipKind.flat)
        assert math.hypot(*map(norm, both.values())) <= bound


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("by", ClipKind)
def test_values_that_are_not_finite_are_refused(value, by):
    broken = {"a": np.array([0.0, value], np.float32)}
    with pytest.raises(ExchangeError, match="update of 'a' that has values that are not finite"):
        clipped(broken, {"a": 1.0, WHOLE: 1.0}, by)
