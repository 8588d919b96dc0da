import numpy as np
import pytest
import torch

from fedmtl.tasks.confusion import accuracy, balanced_accuracy, confusion_matrix, mean_iou


def test_counts_equal_a_loop():
    rng = np.random.default_rng(0)
    predicted, truth = rng.integers(0, 4, (2, 5, 6)), rng.choice([0, 1, 2, 3, 255], (2, 5, 6))
    expected = np.zeros((4, 4))
    for p, t in zip(predicted.flat, truth.flat, strict=True):
        if t != 255:
            expected[t, p] += 1
    counts = confusion_matrix(torch.tensor(predicted), torch.tensor(truth, dtype=torch.uint8), 4, ignore=255)
    np.testing.assert_array_equal(counts, expected)
    assert counts.dtype == torch.float64


def test_classes_nobody_has_still_have_a_row():
    counts = confusion_matrix(torch.tensor([0]), torch.tensor([0]), 40, ignore=-1)
    assert counts.shape == (40, 40)
    assert counts.sum() == 1


def test_metrics_by_hand():
    confusion = torch.tensor([[3.0, 1.0], [2.0, 4.0]], dtype=torch.float64)
    assert mean_iou(confusion) == pytest.approx(100 * (3 / 6 + 4 / 7) / 2)
    assert accuracy(confusion) == pytest.approx(70)
    assert balanced_accuracy(confusion) == pytest.approx(100 * (3 / 4 + 4 / 6) / 2)


def test_a_class_in_neither_truth_nor_prediction_is_left_out():
    confusion = torch.zeros(3, 3, dtype=torch.float64)
    confusion[:2, :2] = torch.tensor([[3.0, 1.0], [2.0, 4.0]])
    assert mean_iou(confusion) == pytest.approx(100 * (3 / 6 + 4 / 7) / 2)
    assert balanced_accuracy(confusion) == pytest.approx(100 * (3 / 4 + 4 / 6) / 2)


def test_a_class_that_is_only_predicted_has_an_iou_of_zero():
    confusion = torch.tensor([[3.0, 1.0], [0.0, 0.0]], dtype=torch.float64)
    assert mean_iou(confusion) == pytest.approx(100 * (3 / 4 + 0) / 2)
    assert balanced_accuracy(confusion) == pytest.approx(75)
