import numpy as np
import pytest
import torch

from fedmtl.tasks.binary import weighted_cross_entropy
from tests.tasks.examples import batch, make

TASK = make("saliency")


def test_loss_weighs_positives_by_the_share_of_negatives():
    output, target = batch(TASK, 3)
    share = (target == 0).sum() / (target >= 0).sum()
    torch.testing.assert_close(
        TASK.loss(output, target), weighted_cross_entropy(output, target, share.item())
    )


def test_max_f_equals_numpy():
    output, target = batch(TASK, 3)
    valid = target.numpy() >= 0
    p, g = output.sigmoid().numpy()[valid], target.numpy()[valid] == 1
    best = 0.0
    for threshold in np.arange(1, 20) / 20:
        yes = p >= threshold
        precision, recall = (yes & g).sum() / max(yes.sum(), 1), (yes & g).sum() / g.sum()
        if precision + recall:
            best = max(best, 1.3 * precision * recall / (0.3 * precision + recall))
    assert TASK.metrics(TASK.statistics(output, target))["maxF"] == pytest.approx(100 * best)


def test_means_over_images_equal_numpy():
    output, target = batch(TASK, 3)
    target[2] = torch.where(target[2] < 0, target[2], 0.0)  # an image without a salient pixel
    best_f = best_iou = 0.0
    for threshold in np.linspace(0.2, 0.9, 15):
        rows = []
        for score, truth in zip(output.sigmoid().numpy(), target.numpy(), strict=True):
            yes, g = score[truth >= 0] >= threshold, truth[truth >= 0] == 1
            hits, either = (yes & g).sum(), (yes | g).sum()
            rows.append((hits / max(yes.sum(), 1), hits / max(g.sum(), 1), hits / either if either else 1))
        precision, recall, iou = np.mean(rows, axis=0)
        best_f = max(best_f, 2 * precision * recall / max(precision + recall, 1e-12))
        best_iou = max(best_iou, iou)
    metrics = TASK.metrics(TASK.statistics(output, target))
    assert metrics["maxF1_images"] == pytest.approx(100 * best_f, abs=1e-6)
    assert metrics["mIoU_images"] == pytest.approx(100 * best_iou, abs=1e-6)


def test_pooled_and_over_images_are_not_the_same_by_hand():
    """One salient pixel, found; and three, of which one is found."""
    yes, no = 20.0, -20.0
    output = torch.tensor([[yes, no, no, no], [yes, no, no, no]]).reshape(2, 1, 1, 4)
    target = torch.tensor([[1.0, 0, 0, 0], [1, 1, 1, 0]]).reshape(2, 1, 1, 4)
    metrics = TASK.metrics(TASK.statistics(output, target))
    assert metrics["maxF"] == pytest.approx(100 * 1.3 * 0.5 / (0.3 + 0.5), abs=1e-6)
    assert metrics["maxF1_images"] == pytest.approx(100 * 2 * (2 / 3) / (1 + 2 / 3), abs=1e-6)
    assert metrics["mIoU_images"] == pytest.approx(100 * 2 / 3, abs=1e-6)


def test_the_threshold_is_chosen_for_all_images_together():
    """Each image alone has a perfect threshold; no one threshold is perfect for both."""
    high = torch.tensor([2.0, 1.0]).reshape(1, 1, 1, 2)
    low = torch.tensor([-1.0, -2.0]).reshape(1, 1, 1, 2)
    target = torch.tensor([1.0, 0.0]).reshape(1, 1, 1, 2)
    first, second = TASK.statistics(high, target), TASK.statistics(low, target)
    pooled = {name: first[name] + second[name] for name in first}
    assert TASK.metrics(first)["maxF"] == TASK.metrics(second)["maxF"] == pytest.approx(100)
    # At best the first positive alone, P = 1, R = 1/2; both come with the first negative, P = 2/3, R = 1.
    assert TASK.metrics(pooled)["maxF"] == pytest.approx(100 * 1.3 * 0.5 / 0.8)


def test_without_salient_pixels_there_is_no_f():
    output, target = batch(TASK, 1)
    assert np.isnan(TASK.metrics(TASK.statistics(output, torch.zeros_like(target)))["maxF"])
