import numpy as np
import pytest
import torch

from tests.tasks.examples import make

TASK = make("autoencoding")
HIDDEN = np.float32([[[0.1, 0.2, 0.3], [-1, -1, -1]]])


def test_a_label_is_the_image_from_0_to_1():
    image = np.array([[[0, 51, 255]]], np.uint8)
    np.testing.assert_allclose(TASK.decode(image), [[[0, 0.2, 1]]], rtol=1e-6)
    np.testing.assert_array_equal(TASK.encode(TASK.decode(image)), image)
    assert TASK.of_image


def test_the_target_has_the_colours_that_are_seen_where_there_is_a_label():
    seen = np.float32([[[0.5, 0.7]], [[0.6, 0.8]], [[0.9, 0.4]]])  # (C, H, W)
    np.testing.assert_array_equal(TASK.seen(HIDDEN, seen), np.float32([[[0.5, 0.6, 0.9], [-1, -1, -1]]]))


def test_loss_and_metrics_by_hand():
    target = TASK.target(HIDDEN)[None]
    output = target + torch.tensor([0.1, -0.2, 0.4])[:, None, None]
    assert TASK.loss(output, target).item() == pytest.approx(0.7 / 3)
    metrics = TASK.metrics(TASK.statistics(output, target))
    mse = (0.01 + 0.04 + 0.16) / 3
    assert metrics["mae"] == pytest.approx(0.7 / 3)
    assert metrics["rmse"] == pytest.approx(mse**0.5)
    assert metrics["psnr"] == pytest.approx(-10 * np.log10(mse))


def test_nothing_wrong_is_infinitely_good():
    target = TASK.target(HIDDEN)[None]
    assert TASK.metrics(TASK.statistics(target, target))["psnr"] == np.inf


def test_a_picture_is_the_image():
    image = np.array([[[0, 51, 255], [7, 8, 9]]], np.uint8)
    np.testing.assert_array_equal(TASK.picture(TASK.decode(image)), image)
