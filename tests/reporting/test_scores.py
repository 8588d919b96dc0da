import pytest

from fedmtl.reporting.scores import Score, ScoreTable
from fedmtl.reporting.spread import Spread


def score(method, seed, client, task, value):
    return Score(method, seed, client, task, "mIoU", value, True)


def table(*scores):
    return ScoreTable(scores, "local")


def of_two_clients(seed, gains):
    """Client a has two tasks and b one; alone, all reach 10."""
    pairs = [("a", "semseg"), ("a", "edge"), ("b", "semseg")]
    scores = [score("local", seed, *pair, 10.0) for pair in pairs]
    return scores + [score("x", seed, *pair, 10 + gain) for pair, gain in zip(pairs, gains, strict=True)]


def test_a_client_is_the_mean_of_its_tasks_and_a_task_of_its_clients():
    scores = table(*of_two_clients(0, [1, 3, -1]))
    assert scores.client_deltas("x")["a"].mean == pytest.approx(20.0)
    assert scores.client_deltas("x")["b"].mean == pytest.approx(-10.0)
    assert scores.task_delta("x", "semseg").mean == pytest.approx(0.0)
    assert scores.task_delta("x", "edge").mean == pytest.approx(30.0)
    assert scores.mean_delta("x").mean == pytest.approx(5.0)
    assert scores.mean_delta("local") is None


def test_means_are_over_clients_first_and_spread_over_seeds():
    scores = table(*of_two_clients(0, [1, 1, 1]), *of_two_clients(1, [3, 3, 3]))
    assert scores.mean_delta("x") == Spread(pytest.approx(20.0), pytest.approx(200**0.5))
    assert scores.task_delta("x", "edge").std == pytest.approx(200**0.5)


def test_pairs_above_the_baseline_are_counted_in_the_mean_over_seeds():
    scores = table(*of_two_clients(0, [1, 3, -1]), *of_two_clients(1, [-2, 1, 2]))
    assert scores.above("x") == (2, 3)
    assert scores.above("local") == (0, 0)


def test_a_pair_without_its_baseline_of_the_same_seed_has_no_change():
    scores = table(score("local", 0, "a", "semseg", 10.0), score("x", 1, "a", "semseg", 11.0))
    assert scores.delta("x", "a", "semseg") is None
    assert scores.value("x", "a", "semseg") == Spread(11.0, None)
