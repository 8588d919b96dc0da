import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from fedmtl.tasks.bsds.protocol import THRESHOLDS, Counts, count_all, count_boundaries
from fedmtl.tasks.bsds.suppression import suppress
from fedmtl.tasks.bsds.thinning import thin

SIZE = (60, 80)
TWO_PIXELS = 0.02
"""The diagonal is 100 pixels."""


def line(column, probability=1.0):
    """An upright line of forty pixels, far from the frame."""
    pixels = np.zeros(SIZE)
    pixels[10:50, column] = probability
    return pixels


def truth_of(pixels):
    return (pixels > 0).astype(np.int8)


def noisy(seed):
    rng = np.random.default_rng(seed)
    lines = thin(np.abs(gaussian_filter(rng.standard_normal(SIZE), 5)) < 0.01)
    score = 3 * gaussian_filter(np.roll(lines, 1, axis=1).astype(float), 1.2)
    return np.clip(score + 0.5 * gaussian_filter(rng.standard_normal(SIZE), 1.5), 0, 1), lines.astype(np.int8)


def matched_by_scipy(predicted, lines, reach):
    difference = np.argwhere(predicted)[:, None] - np.argwhere(lines)[None]
    near = (difference**2).sum(2) <= reach**2
    return int((maximum_bipartite_matching(csr_array(near)) >= 0).sum()) if near.any() else 0


def same(one, other):
    assert one.true == other.true
    np.testing.assert_array_equal(one.predicted, other.predicted)
    np.testing.assert_array_equal(one.matched, other.matched)


def f(counts):
    return 2 * counts.matched[0] / (counts.predicted + counts.true)


@pytest.mark.parametrize("seed", range(3))
def test_counts_equal_a_new_start_at_every_threshold(seed):
    probability, truth = noisy(seed)
    tolerances = (0.0075, TWO_PIXELS)
    counts = count_boundaries(probability, truth, tolerances)
    strength, lines = suppress(np.floor(255 * probability) / 255), thin(truth == 1)
    assert counts.true == lines.sum() > 100
    for k, threshold in enumerate(THRESHOLDS):
        predicted = thin(strength > threshold)
        assert counts.predicted[k] == predicted.sum()
        assert counts.matched[:, k].tolist() == [
            matched_by_scipy(predicted, lines, 100 * d) for d in tolerances
        ]


def test_a_perfect_prediction_is_perfect_at_every_threshold():
    lines = thin(gaussian_filter(np.random.default_rng(0).standard_normal(SIZE), 2) > 0)
    lines[[0, -1]] = lines[:, [0, -1]] = False  # nothing survives at the frame
    lines = thin(lines)
    counts = count_boundaries(lines.astype(float), lines.astype(np.int8), [0.0075])
    inside = np.pad(lines[5:-5, 5:-5], 5)
    assert counts.matched[0, :4].tolist() == counts.predicted[:4].tolist() == [lines.sum()] * 4
    assert (
        f(count_boundaries(inside.astype(float), thin(inside).astype(np.int8), [0.0075])).tolist() == [1] * 99
    )


@pytest.mark.parametrize(("shift", "expected"), [(0, 1), (1, 1), (2, 1), (3, 0)])
def test_a_shifted_line_is_right_within_the_tolerance(shift, expected):
    counts = count_boundaries(line(40 + shift), truth_of(line(40)), [TWO_PIXELS])
    assert f(counts).tolist() == [expected] * 99


def test_of_a_doubled_line_only_one_is_right():
    counts = count_boundaries(line(38) + line(42), truth_of(line(40)), [TWO_PIXELS])
    assert (counts.matched[0] / counts.predicted).tolist() == [0.5] * 99
    assert (counts.matched[0] == counts.true).all()


def test_a_thick_line_in_truth_counts_once():
    thick = line(39) + line(40) + line(41)
    counts = count_boundaries(line(40), truth_of(thick), [TWO_PIXELS])
    assert 37 <= counts.true <= 40
    assert (counts.matched[0] == counts.true).all()


def test_a_probability_counts_below_itself():
    counts = count_boundaries(line(40, 0.2), truth_of(line(40)), [TWO_PIXELS])
    assert counts.predicted.tolist() == [40] * 19 + [0] * 80


def test_what_is_not_labelled_is_no_part_of_the_image():
    probability, truth = noisy(0)
    padded = np.pad(truth, ((0, 30), (0, 15)), constant_values=-1)
    around = np.random.default_rng(0).random(padded.shape)
    around[: SIZE[0], : SIZE[1]] = probability
    same(count_boundaries(around, padded, [TWO_PIXELS]), count_boundaries(probability, truth, [TWO_PIXELS]))


def test_nothing_is_predicted_in_a_hole_without_labels():
    truth = truth_of(line(20))
    truth[:, 50:70] = -1
    assert (count_boundaries(line(20) + line(60), truth, [TWO_PIXELS]).predicted == 40).all()


def test_without_labels_nothing_counts():
    counts = count_boundaries(np.ones(SIZE), np.full(SIZE, -1, np.int8), [TWO_PIXELS])
    assert (counts.true, counts.predicted.sum(), counts.matched.sum()) == (0, 0, 0)


@pytest.mark.parametrize(
    ("true", "matched", "best"), [(4, [1, 3, 3], 1), (4, [0, 0, 0], 0), (0, [0, 0, 0], 0)]
)
def test_of_equal_thresholds_the_lowest_is_best(true, matched, best):
    assert Counts(true, np.array([5, 4, 4]), np.array([matched])).best(0) == best


def test_threads_change_nothing():
    probabilities, truths = (np.stack(each) for each in zip(*map(noisy, range(3)), strict=True))
    alone = [count_boundaries(*pair, [TWO_PIXELS]) for pair in zip(probabilities, truths, strict=True)]
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        together = count_all(probabilities, truths, [TWO_PIXELS])
    finally:
        torch.set_num_threads(before)
    for one, other in zip(alone, together, strict=True):
        same(one, other)


def test_the_diagonal_is_a_hundred_pixels():
    assert math.hypot(*SIZE) == 100
