import pytest

from fedmtl.reporting.curve import Curve, Point


@pytest.mark.parametrize(
    ("higher_is_better", "best"), [(True, Point(2, 5.0)), (False, Point(1, 1.0))], ids=["higher", "lower"]
)
def test_best_is_the_earliest_of_equals(higher_is_better, best):
    curve = Curve(True, higher_is_better, {4: 5.0, 3: None, 2: 5.0, 1: 1.0, 5: 1.0})
    assert curve.best == best


def test_final_is_the_latest_that_was_measured():
    curve = Curve(True, True, {3: None, 2: 4.0, 1: 5.0})
    assert curve.final == Point(2, 4.0)
    assert curve.points == [Point(1, 5.0), Point(2, 4.0)]


def test_nothing_measured():
    curve = Curve(True, True, {1: None})
    assert curve.final is None
    assert curve.best is None
