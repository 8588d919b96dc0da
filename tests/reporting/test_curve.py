import pytest

from fedmtl.reporting.curve import Curve, Point, best_round, rank_at


def curve(*values, better=True, rounds=None):
    return Curve(True, better, dict(zip(rounds or range(1, len(values) + 1), values, strict=True)))


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


def test_the_best_round_is_that_of_all_tasks_together():
    curves = {"semseg": curve(20.0, 36.0, 40.0), "depth": curve(0.6, 0.4, 0.5, better=False)}
    assert best_round(curves) == 2  # 36 / 0.4 > 40 / 0.5
    assert rank_at(curves, 2) > rank_at(curves, 3)


def test_the_earliest_of_equal_rounds_is_the_best():
    assert best_round({"semseg": curve(30.0, 40.0, 40.0)}) == 2
    assert best_round({"semseg": curve(0.0, 0.0)}) == 1


def test_a_round_in_which_a_task_could_not_be_measured_is_worse_than_one_in_which_all_were():
    assert best_round({"semseg": curve(20.0, None, 10.0), "edge": curve(1.0, 9.0, 1.0)}) == 1


def test_the_rounds_are_those_that_were_measured():
    assert best_round({"semseg": curve(30.0, 40.0, 20.0, rounds=[5, 10, 12])}) == 10
    assert best_round({"semseg": curve(None, None)}) is None
    assert best_round({}) is None
