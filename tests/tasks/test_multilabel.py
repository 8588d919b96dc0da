import numpy as np
import pytest
import torch

from fedmtl.errors import DataError
from tests.tasks.examples import make

TASK = make("multilabel")


def average_precision(score, truth):
    """Σ (R_k − R_{k−1}) · P_k, one image at a time from the highest score down."""
    ranked = truth[np.argsort(-score)]
    precision = ranked.cumsum() / np.arange(1, len(ranked) + 1)
    return (precision * ranked).sum() / ranked.sum()


def random_batch(count=60):
    rng = np.random.default_rng(0)
    # Scores in different bins, so that the ranking is exact.
    score = np.stack([(rng.permutation(1000)[:count] + 0.5) / 1000 for _ in range(3)], axis=1)
    truth = rng.choice([0, 1, np.nan], (count, 3))
    return score, truth, torch.tensor(np.log(score / (1 - score))), torch.tensor(truth, dtype=torch.float32)


def test_values_other_than_yes_and_no_are_refused():
    with pytest.raises(DataError, match=r"a class is 1 \(yes\), 0 \(no\) or empty, not 2"):
        TASK.decode(np.array([0, 2, np.nan]))


def test_loss_equals_numpy():
    score, truth, output, target = random_batch()
    cost = np.where(truth == 1, -np.log(score), -np.log(1 - score))[~np.isnan(truth)]
    assert TASK.loss(output, target).item() == pytest.approx(cost.mean(), rel=1e-5)


def test_metrics_equal_numpy():
    score, truth, output, target = random_batch()
    metrics = TASK.metrics(TASK.statistics(output, target))
    known = ~np.isnan(truth)
    columns = [(score[known[:, c], c], truth[known[:, c], c]) for c in range(3)]
    assert metrics["mAP"] == pytest.approx(100 * np.mean([average_precision(s, t) for s, t in columns]))
    f1 = [2 * ((s >= 0.5) & (t == 1)).sum() / ((s >= 0.5).sum() + t.sum()) for s, t in columns]
    assert metrics["macro_f1"] == pytest.approx(100 * np.mean(f1))
    right = [((s >= 0.5) == (t == 1)).mean() for s, t in columns]
    assert metrics["accuracy"] == pytest.approx(100 * np.mean(right))


def test_a_class_that_no_image_has_is_left_out():
    output = torch.tensor([[9.0, 9.0, -9.0], [-9.0, -9.0, -9.0]])
    target = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    metrics = TASK.metrics(TASK.statistics(output, target))
    assert metrics["mAP"] == pytest.approx(100)  # of the first class
    assert metrics["macro_f1"] == pytest.approx(50)  # of the first and the second, wrongly given


@pytest.mark.parametrize(("positive", "negative"), [(-7.5, -9.0), (12.0, 9.0), (-14.9, -15.0), (0.001, 0.0)])
def test_classes_that_are_rare_or_sure_are_ranked_too(positive, negative):
    output = torch.full((100, 3), negative)
    output[:2] = positive
    target = torch.zeros(100, 3)
    target[:2] = 1
    assert TASK.metrics(TASK.statistics(output, target))["mAP"] == pytest.approx(100)


def test_equal_scores_share_their_precision():
    output, target = torch.zeros(4, 3), torch.tensor([1.0, 0.0, 1.0, 0.0])[:, None].expand(4, 3)
    assert TASK.metrics(TASK.statistics(output, target))["mAP"] == pytest.approx(50)


def test_predictions_are_probabilities():
    np.testing.assert_allclose(
        TASK.predict(torch.tensor([0.0, np.log(3), -100.0])), [0.5, 0.75, 0], atol=1e-6
    )


def test_words_are_the_classes_that_are_likelier_than_not():
    assert TASK.words(np.array([0.5, 0.49, 1.0])) == "a, c"
    assert TASK.words(np.array([0.0, 0.0, np.nan])) == "none"
    assert TASK.words(np.array([np.nan] * 3)) == "unlabelled"


def test_a_summary_names_the_classes_that_are_there():
    summary = TASK.summary(torch.tensor([0.1, -2.0, 3.0]))
    first, second, third = TASK.spec.classes
    assert summary["classes"] == [first, third]
    assert summary["probabilities"] == pytest.approx({first: 0.525, second: 0.119, third: 0.953}, abs=1e-3)
