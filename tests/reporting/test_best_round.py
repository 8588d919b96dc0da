from fedmtl.reporting.best_round import best_round, rank_at
from fedmtl.reporting.curve import Curve


def curve(*values, better=True, rounds=None):
    return Curve(True, better, dict(zip(rounds or range(1, len(values) + 1), values, strict=True)))


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
