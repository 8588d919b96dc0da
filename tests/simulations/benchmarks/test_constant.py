"""The best constant of every kind, against what is known to be best."""

import numpy as np
import pytest
import torch

from fedmtl.tasks import TaskSpec, build_task
from simulations.benchmarks.constant import best_constant, everywhere

TWO = ("left", "right")
SIZE = (4, 6)


def best(spec, *labels):
    """The task, its best constant for these labels, and the metrics that it has on them."""
    task = build_task(spec)
    targets = torch.stack([task.target(label) for label in labels])
    constant = best_constant(task, targets)
    assert constant.shape == (task.channels,)
    output = everywhere(constant, task, targets)
    return task, output, task.metrics(task.statistics(output, targets))


def test_the_best_depth_is_the_median_of_labelled_pixels():
    near, far = np.full(SIZE, 1.5, np.float32), np.full(SIZE, 9, np.float32)
    near[0] = 0  # unlabelled
    task, output, metrics = best(TaskSpec("depth", "depth"), near, near, near, far)
    np.testing.assert_allclose(task.predict(output[0]), 1.5, rtol=1e-3)
    assert metrics["rmse"] == pytest.approx(7.5 * np.sqrt(24 / (3 * 18 + 24)), rel=1e-3)


def test_the_best_class_is_the_most_frequent():
    label = np.zeros(SIZE, np.uint8)
    label[0], label[1] = 1, 255
    task, output, metrics = best(TaskSpec("semseg", "semseg", ("wall", "floor")), label)
    assert (task.predict(output[0]) == 0).all()
    assert metrics["mIoU"] == pytest.approx(100 * (12 / 18) / 2)
    np.testing.assert_allclose(output[0, :, 0, 0].softmax(0), [2 / 3, 1 / 3], atol=1e-3)


def test_the_best_normal_is_the_commonest_direction():
    front, side = np.zeros((*SIZE, 3), np.float32), np.zeros((*SIZE, 3), np.float32)
    front[..., 2], side[..., 0] = -1, 1
    _, _, metrics = best(TaskSpec("normals", "normals"), front, front, front, side)
    assert metrics["mErr"] == pytest.approx(90 / 4, abs=0.5)


def test_the_best_answer_to_yes_or_no_finds_every_yes():
    label = np.zeros(SIZE, np.int16)
    label[0] = 255
    _, _, metrics = best(TaskSpec("edge", "edge"), label)
    assert metrics["edgeF"] == pytest.approx(100 * 2 * 6 / (24 + 6))


def test_of_image_level_tasks_it_is_a_vector():
    labels = [np.array([index], np.int64) for index in (1, 1, 0)]
    _, output, metrics = best(TaskSpec("kind", "classification", TWO), *labels)
    assert output.shape == (3, 2)
    assert metrics["accuracy"] == pytest.approx(100 * 2 / 3)
