"""Which round counts, and what was reached in it."""

from math import nan

import pytest

from fedmtl.reporting.leaving import Choice
from simulations.comparison.measures import choose, scores_left, scores_of, select, total_of
from tests.simulations.comparison.logs import logged

ALONE = {
    # In round 2 depth is 20 % better than at last and semseg 10 % worse: the mean is best there.
    "a": {"semseg": [30.0, 36.0, 40.0], "depth": [0.9, 0.4, 0.5]},
    "b": {"semseg": [10.0, 20.0, 30.0]},
}


def values(scores, split):
    return {(s.client, s.task): s.value for s in scores if s.split == split}


def test_local_counts_at_the_round_that_validation_chooses(tmp_path):
    run = logged(tmp_path, "local", ALONE, test=100.0)
    selection = select([run])
    assert selection.rounds == {(0, "a"): 2, (0, "b"): 3}
    scores = scores_of(run, selection)
    assert values(scores, "val") == {("a", "semseg"): 36.0, ("a", "depth"): 0.4, ("b", "semseg"): 30.0}
    assert values(scores, "test") == {
        ("a", "semseg"): 136.0,
        ("a", "depth"): pytest.approx(100.4),
        ("b", "semseg"): 130.0,
    }


def test_other_methods_count_at_the_last_round(tmp_path):
    run = logged(tmp_path, "fedavg", ALONE)
    scores = scores_of(run, select([run]))
    assert values(scores, "val") == {("a", "semseg"): 40.0, ("a", "depth"): 0.5, ("b", "semseg"): 30.0}
    assert {(s.method, s.seed, s.metric) for s in scores} == {("fedavg", 0, "mIoU"), ("fedavg", 0, "rmse")}


def test_a_client_of_which_nothing_can_be_measured_counts_at_the_last_round(tmp_path):
    run = logged(tmp_path, "local", {"a": {"semseg": [nan, nan]}})
    selection = select([run])
    assert selection.rounds == {}
    assert values(scores_of(run, selection), "val") == {("a", "semseg"): None}


def test_a_client_leaves_with_its_best_round_or_with_its_own_model_where_that_is_as_good(tmp_path):
    together = {
        "a": {"semseg": [30.0, 40.0, 38.0], "depth": [0.9, 0.5, 0.4]},  # 38 / 0.4 > 36 / 0.4
        "b": {"semseg": [29.0, 25.0, 30.0]},  # alone it has 30 as well
    }
    runs = [logged(tmp_path, "local", ALONE, test=100.0), logged(tmp_path, "fedavg", together, test=200.0)]
    choices = choose(runs)
    assert choices == [
        Choice("fedavg", 0, "a", 3, fell_back=False),
        Choice("fedavg", 0, "b", 3, fell_back=True),
    ]
    scores = scores_left(runs, choices)
    assert {score.method for score in scores} == {"fedavg"}
    assert values(scores, "val") == {("a", "semseg"): 38.0, ("a", "depth"): 0.4, ("b", "semseg"): 30.0}
    assert values(scores, "test") == {
        ("a", "semseg"): 238.0,
        ("a", "depth"): pytest.approx(200.4),
        ("b", "semseg"): 130.0,
    }


def test_the_round_is_chosen_on_validation_whatever_the_test_says(tmp_path):
    runs = [
        logged(tmp_path, "local", {"b": {"semseg": [10.0, 20.0]}}),
        logged(tmp_path, "fedavg", {"b": {"semseg": [25.0, 24.0]}}, test=-24.0),
    ]
    assert choose(runs) == [Choice("fedavg", 0, "b", 1, fell_back=False)]
    assert values(scores_left(runs, choose(runs)), "test") == {("b", "semseg"): 1.0}


def test_each_run_is_compared_with_that_of_its_seed(tmp_path):
    runs = [
        logged(tmp_path, method, {"b": {"semseg": [value]}}, seed=seed)
        for method, seed, value in (
            ("local", 0, 10.0),
            ("local", 1, 30.0),
            ("fedavg", 0, 20.0),
            ("fedavg", 1, 20.0),
        )
    ]
    assert [choice.fell_back for choice in choose(runs)] == [False, True]


def test_without_local_there_is_nothing_to_fall_back_on(tmp_path):
    assert choose([logged(tmp_path, "fedavg", ALONE)]) == []


def test_a_client_that_validates_nothing_leaves_with_the_last_round(tmp_path):
    runs = [logged(tmp_path, method, {"b": {"semseg": [nan, nan]}}) for method in ("local", "fedavg")]
    assert choose(runs) == [Choice("fedavg", 0, "b", 2, fell_back=False)]


def test_totals_are_of_all_rounds(tmp_path):
    total = total_of(logged(tmp_path, "fedavg", ALONE, seed=5))
    assert (total.method, total.seed, total.bytes, total.seconds) == ("fedavg", 5, 90, 6.0)
