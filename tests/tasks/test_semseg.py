import numpy as np
import pytest
import torch

from fedmtl.errors import DataError
from fedmtl.tasks.palette import UNLABELLED
from tests.tasks.examples import batch, make

TASK = make("semseg")


def test_loss_equals_numpy():
    output, target = batch(TASK, 3)
    logits, truth = output.double().numpy(), target.numpy()
    logp = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    costs = [-logp[b, truth[b, y, x], y, x] for b, y, x in np.ndindex(truth.shape) if truth[b, y, x] != 255]
    assert TASK.loss(output, target).item() == pytest.approx(np.mean(costs), rel=1e-5)


def test_miou_equals_numpy():
    output, target = batch(TASK, 3)
    predicted, truth = output.argmax(1).numpy(), target.numpy()
    valid = truth != 255
    ious = [
        ((predicted == c) & (truth == c)).sum() / (((predicted == c) & valid) | (truth == c)).sum()
        for c in range(3)
    ]
    metrics = TASK.metrics(TASK.statistics(output, target))
    assert metrics["mIoU"] == pytest.approx(100 * np.mean(ious))
    assert metrics["pixel_accuracy"] == pytest.approx(100 * (predicted == truth)[valid].mean())


def test_pixels_may_be_permuted():
    output, target = batch(TASK, 2)
    order = torch.randperm(48, generator=torch.Generator().manual_seed(0))
    shuffled = output.flatten(2)[:, :, order].view_as(output), target.flatten(1)[:, order].view_as(target)
    assert torch.equal(TASK.statistics(*shuffled)["confusion"], TASK.statistics(output, target)["confusion"])


def test_a_class_out_of_range_is_named():
    raw = np.array([[0, 255], [2, 7]], np.uint8)
    with pytest.raises(DataError, match="class index 7 in a label, but its 3 classes end at 2"):
        TASK.decode(raw)


def test_predict_is_the_likeliest_class():
    output = torch.zeros(3, 1, 2)
    output[2, 0, 0] = output[1, 0, 1] = 1
    np.testing.assert_array_equal(TASK.predict(output), [[2, 1]])


def test_picture_paints_classes_alike_and_the_unlabelled_grey():
    picture = TASK.picture(np.array([[0, 1, 0, 255]], np.uint8))[0]
    assert tuple(picture[0]) == tuple(picture[2]) != tuple(picture[1])
    assert tuple(picture[3]) == UNLABELLED
