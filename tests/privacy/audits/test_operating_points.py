"""AUC and rare false alarms, against counting by hand and scipy's tests."""

import numpy as np
import pytest
from scipy.stats import binomtest, mannwhitneyu

from fedmtl.privacy.audits.operating_points import auc, clopper_pearson, tpr_at_fpr


def test_auc_counts_pairs_and_ties_half():
    # Of six pairs, 3 > 1, 3 > 2, 2 > 1 and 1 = 1, 2 = 2.
    assert auc(np.array([3.0, 2.0, 1.0]), np.array([1.0, 2.0])).value == pytest.approx((3 + 2 * 0.5) / 6)


def test_auc_is_that_of_the_rank_sum():
    rng = np.random.default_rng(0)
    members, others = rng.normal(0.5, 1, 60), rng.normal(0, 1, 80)
    assert auc(members, others).value == pytest.approx(mannwhitneyu(members, others).statistic / (60 * 80))


def test_the_interval_of_auc_holds_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    held = 0
    for _ in range(300):
        found = auc(rng.normal(size=50), rng.normal(size=50))
        held += found.low <= 0.5 <= found.high
    assert 0.9 <= held / 300 <= 0.99


def test_scores_that_tell_everything_have_an_auc_of_one():
    assert auc(np.array([2.0, 3.0]), np.array([0.0, 1.0])).value == 1


@pytest.mark.parametrize(("rate", "found"), [(0.0, 2 / 4), (0.2, 3 / 4), (0.4, 4 / 4)])
def test_the_threshold_lets_no_more_of_the_others_pass_than_the_rate(rate, found):
    others = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    members = np.array([3.5, 4.5, 5.5, 6.5])
    assert tpr_at_fpr(members, others, rate).value == found


@pytest.mark.parametrize(("count", "trials"), [(0, 7), (3, 10), (10, 10)])
def test_a_proportions_interval_is_the_exact_one(count, trials):
    expected = binomtest(count, trials).proportion_ci(0.95, method="exact")
    found = clopper_pearson(count, trials)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
