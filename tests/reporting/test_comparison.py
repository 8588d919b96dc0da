import math

import pytest

from fedmtl.errors import RunError
from fedmtl.reporting.comparison import Selection, compare
from fedmtl.reporting.leaving import Choice
from fedmtl.reporting.scores import Score, Total
from fedmtl.reporting.spread import Spread
from tests.reporting import synthetic


def _score(method: str, seed: int, client: str, value: float | None, task: str = "semseg", **other) -> Score:
    return Score(method, seed, client, task, "mIoU", value, True, **other)


def test_a_run_is_compared_with_the_baseline_of_its_seed():
    scores = [
        _score("local", 0, "a", 10.0),
        _score("local", 1, "a", 20.0),
        _score("other", 0, "a", 11.0),
        _score("other", 1, "a", 24.0),
    ]
    comparison = compare(scores, [])
    other = comparison.lines[0].entries[1]
    assert other.delta == Spread(pytest.approx(15.0), pytest.approx(10 / math.sqrt(2)))
    assert other.value.mean == 17.5
    assert comparison.lines[0].entries[0].delta is None


def test_mean_is_over_tasks_then_clients():
    scores = []
    for method, gain in (("local", 1.0), ("other", 1.1)):
        scores += [_score(method, 0, "a", 10 * gain, task) for task in ("semseg", "edge", "saliency")]
        scores.append(_score(method, 0, "b", 10.0))
    other = compare(scores, []).summaries[1]
    assert other.mean_delta.mean == pytest.approx(5.0)
    assert {client: delta.mean for client, delta in other.clients.items()} == pytest.approx(
        {"a": 10.0, "b": 0.0}
    )
    assert {task: delta.mean for task, delta in other.tasks.items()} == pytest.approx(
        {"edge": 10.0, "saliency": 10.0, "semseg": 5.0}
    )
    assert other.worst == ("b", pytest.approx(0.0))
    assert other.above == (3, 4)


def test_lower_is_better():
    scores = [
        Score(method, 0, "a", "depth", "rmse", value, False) for method, value in [("local", 0.5), ("x", 0.4)]
    ]
    line = compare(scores, []).lines[0]
    assert line.entries[1].delta.mean == pytest.approx(20.0)
    assert line.unit == "m"


def test_a_tasks_kind_says_what_it_is_measured_in():
    score = Score("x", 0, "a", "distance", "rmse", 0.5, False)
    assert compare([score], []).lines[0].unit == ""
    assert compare([score], [], kinds={"distance": "depth"}).lines[0].unit == "m"


def test_order_of_rows_does_not_matter():
    scores, totals = synthetic.comparison_scores(), synthetic.comparison_totals()
    shuffled = sorted(scores, key=lambda score: (score.value, score.seed))
    methods = ["averaging", "grouping", "local"]
    one, other = compare(scores, totals), compare(shuffled, totals[::-1])
    assert sorted(one.methods) == sorted(other.methods) == methods
    for method in methods:
        by_method = [
            next(s for s in comparison.summaries if s.method == method) for comparison in (one, other)
        ]
        means = [{client: delta.mean for client, delta in each.clients.items()} for each in by_method]
        assert means[0] == pytest.approx(means[1])


def test_baseline_comes_first_and_costs_are_spread_over_seeds():
    scores = [_score(method, seed, "a", 1.0) for method in ("x", "local") for seed in (0, 1)]
    comparison = compare(scores, [Total("x", 0, 100, 1.0), Total("x", 1, 100, 3.0)], secure_sums={"x": False})
    assert comparison.methods == ("local", "x")
    assert comparison.summaries[1].bytes == Spread(100, 0)
    assert comparison.summaries[1].seconds == Spread(2.0, pytest.approx(math.sqrt(2)))
    assert comparison.summaries[0].bytes is None
    assert [summary.secure_sums for summary in comparison.summaries] == [None, False]


def test_without_the_baseline_there_are_no_changes():
    comparison = compare([_score("x", 0, "a", 1.0)], [])
    assert comparison.baseline is None
    assert comparison.summaries[0].mean_delta is None
    assert comparison.summaries[0].worst is None
    assert comparison.rule == "Validation images, after the last round."


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_missing_values_are_left_out(missing):
    scores = [_score("local", 0, "a", 1.0), _score("x", 0, "a", missing)]
    entry = compare(scores, []).lines[0].entries[1]
    assert entry.value is None
    assert entry.delta is None


def test_the_test_is_compared_where_there_is_one():
    validation, test = _score("local", 0, "a", 1.0), _score("local", 0, "a", 9.0, split="test")
    selection = Selection({(0, "a"): 4, (0, "b"): 9})
    one, other = (compare(scores, [], selection=selection) for scores in ([validation], [validation, test]))
    assert [one.lines[0].entries[0].value.mean, other.lines[0].entries[0].value.mean] == [1.0, 9.0]
    assert [one.split, other.split] == ["val", "test"]
    best = "local at each client's best round on validation (4 to 9)"
    assert one.rule == (
        f"Validation images: {best}, which is generous to local; other methods after the last round."
    )
    assert other.rule == f"Test images: {best}; other methods after the last round."


def test_what_clients_leave_with_is_compared_as_well():
    """On the test, alone 10 each: a leaves with 12 and with 9 by seed, b falls back on its 10."""
    tests = [
        _score(method, seed, client, value, split="test")
        for method, value in (("local", 10.0), ("x", 5.0))
        for seed in (0, 1)
        for client in "ab"
    ]
    left = [
        _score("x", seed, client, value, split=split)
        for split in ("val", "test")
        for seed, client, value in [(0, "a", 12.0), (1, "a", 9.0), (0, "b", 10.0), (1, "b", 10.0)]
    ]
    choices = [Choice("x", seed, client, 3, client == "b") for seed in (0, 1) for client in "ab"]
    local, x = compare(tests, [], left=left, choices=choices).summaries
    assert local.leaving is None
    assert x.mean_delta.mean == pytest.approx(-50.0)
    assert x.leaving.mean_delta == Spread(pytest.approx(2.5), pytest.approx(7.5 * math.sqrt(2)))
    assert {client: delta.mean for client, delta in x.leaving.clients.items()} == pytest.approx(
        {"a": 5.0, "b": 0.0}
    )
    assert x.leaving.worst == ("b", pytest.approx(0.0))
    assert x.leaving.fell_back == (2, 4)


def test_without_choices_nothing_is_said_of_leaving():
    comparison = compare([_score("local", 0, "a", 1.0), _score("x", 0, "a", 1.0)], [])
    assert comparison.leaves is None


def test_nothing_to_compare_is_an_error():
    with pytest.raises(RunError, match="there is nothing to compare"):
        compare([], [])
