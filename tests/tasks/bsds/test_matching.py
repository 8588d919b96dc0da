import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from fedmtl.tasks.bsds.matching import Matcher

REACHES = (0.75, 1, 1.5, 2.3, 4)


def pairs(predicted, truth, reach):
    return Matcher(truth, predicted, reach).count(predicted)


def cheapest(predicted, truth, reach):
    """Pairs of the assignment that the benchmark defines: distances, and 100 · reach for every pair that is missed."""
    difference = np.argwhere(predicted)[:, None] - np.argwhere(truth)[None]
    squared = (difference**2).sum(2)
    cost = np.where(squared <= reach**2, np.sqrt(squared) - 100 * reach, 0)
    return int((cost[linear_sum_assignment(cost)] < 0).sum())


def most(near):
    """The size of a largest matching, every matching looked at; `near` (predicted, true)."""
    if not len(near):
        return 0
    return max([most(near[1:])] + [1 + most(np.delete(near[1:], j, axis=1)) for j in np.flatnonzero(near[0])])


def maps(seed, size=(12, 15)):
    rng = np.random.default_rng(seed)
    return [rng.random(size) < rng.uniform(0.02, 0.5) for _ in range(2)]


def line(first, last, size=(3, 460)):
    pixels = np.zeros(size, bool)
    pixels[1, first:last] = True
    return pixels


@pytest.mark.parametrize("reach", REACHES)
@pytest.mark.parametrize("seed", range(12))
def test_there_are_as_many_pairs_as_in_the_cheapest_assignment(seed, reach):
    predicted, truth = maps(seed)
    assert pairs(predicted, truth, reach) == cheapest(predicted, truth, reach)


@pytest.mark.parametrize("seed", range(12))
def test_no_matching_of_all_has_more_pairs(seed):
    rng = np.random.default_rng(seed)
    predicted, truth = np.zeros((2, 4, 5), bool)
    for pixels in (predicted, truth):
        pixels.flat[rng.choice(20, 6, replace=False)] = True
    difference = np.argwhere(predicted)[:, None] - np.argwhere(truth)[None]
    assert pairs(predicted, truth, 1.5) == most((difference**2).sum(2) <= 1.5**2)


@pytest.mark.parametrize("seed", range(5))
def test_sets_one_after_another_are_matched_as_if_each_were_the_first(seed):
    rng = np.random.default_rng(seed)
    _, truth = maps(seed, (20, 25))
    matcher = Matcher(truth, np.ones(truth.shape, bool), 2)
    for share in (0.1, 0.3, 0.2, 0.6, 0, 0.6):
        predicted = rng.random(truth.shape) < share
        assert matcher.count(predicted) == pairs(predicted, truth, 2)


@pytest.mark.parametrize("seed", range(5))
def test_prediction_and_truth_can_be_exchanged_and_mirrored(seed):
    predicted, truth = maps(seed, (20, 25))
    expected = pairs(predicted, truth, 2)
    assert pairs(truth, predicted, 2) == expected
    assert pairs(predicted[:, ::-1], truth[:, ::-1], 2) == expected
    assert pairs(predicted.T, truth.T, 2) == expected


@pytest.mark.parametrize(("step", "expected"), [(0, 1), (3, 1), (4, 0)])
def test_the_distance_itself_is_within_reach(step, expected):
    one, other = np.zeros((2, 5, 9), bool)
    one[2, 2] = other[2, 2 + step] = True
    assert pairs(one, other, 3) == expected


def test_a_boundary_displaced_along_itself_is_matched_whole_however_long():
    """The one case in which the cheapest assignment may have a pair less: it would move 100 pixels or more."""
    assert pairs(line(0, 50), line(1, 51), 1) == cheapest(line(0, 50), line(1, 51), 1) == 50
    assert pairs(line(0, 400), line(1, 401), 1) == 400
    assert cheapest(line(0, 400), line(1, 401), 1) == 399


def test_without_pixels_there_are_no_pairs():
    nothing, something = np.zeros((4, 4), bool), np.eye(4, dtype=bool)
    assert pairs(nothing, something, 2) == pairs(something, nothing, 2) == pairs(nothing, nothing, 2) == 0
