import numpy as np
import pytest
import torch

from fedmtl.tasks.thresholds import best_f, image_threshold_counts, threshold_counts


@pytest.mark.parametrize("bins", [2, 20, 100])
def test_counts_equal_a_pass_per_threshold(bins):
    rng = np.random.default_rng(0)
    score, truth = rng.random((3, 50)).astype(np.float32), rng.choice([-1, 0, 1], (3, 50))
    tp, fp, fn = threshold_counts(torch.tensor(score), torch.tensor(truth), bins)
    for k in range(1, bins):
        yes = score >= k / bins
        assert tp[k - 1] == (yes & (truth == 1)).sum()
        assert fp[k - 1] == (yes & (truth == 0)).sum()
        assert fn[k - 1] == (~yes & (truth == 1)).sum()


def test_counts_of_each_image_are_those_of_the_image_alone():
    rng = np.random.default_rng(0)
    score, truth = torch.tensor(rng.random((3, 4, 5))), torch.tensor(rng.choice([-1, 0, 1], (3, 4, 5)))
    counts = image_threshold_counts(score, truth, 10)
    for i in range(3):
        for of_all, alone in zip(counts, threshold_counts(score[i], truth[i], 10), strict=True):
            assert torch.equal(of_all[i], alone)


def test_a_score_that_equals_a_threshold_reaches_it():
    tp, _, fn = threshold_counts(torch.tensor([0.5]), torch.tensor([1.0]), bins=4)
    assert tp.tolist() == [1, 1, 0]
    assert fn.tolist() == [0, 0, 1]


def test_the_extreme_scores():
    tp, fp, _ = threshold_counts(torch.tensor([1.0, 0.0]), torch.tensor([1, 0]), bins=4)
    assert tp.tolist() == [1, 1, 1]
    assert fp.tolist() == [0, 0, 0]


def test_best_f_by_hand():
    precision, recall = torch.tensor([0.5, 0.8]), torch.tensor([1.0, 0.4])
    assert best_f(precision, recall, 1) == pytest.approx(100 * 2 * 0.5 / 1.5)
    assert best_f(precision, recall, 0.3) == pytest.approx(100 * 1.3 * 0.32 / (0.24 + 0.4))


def test_thresholds_that_nothing_reaches_are_worth_nothing():
    assert best_f(torch.tensor([0.5, torch.nan]), torch.tensor([1.0, 0.0]), 1) == pytest.approx(200 / 3)
    assert best_f(torch.tensor([torch.nan]), torch.tensor([0.0]), 1) == 0


def test_without_a_positive_f_is_undefined():
    assert np.isnan(best_f(torch.tensor([0.0]), torch.tensor([torch.nan]), 1))
