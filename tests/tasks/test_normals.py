import numpy as np
import pytest
import torch

from fedmtl.tasks.normals import angular_error
from fedmtl.tasks.palette import UNLABELLED
from tests.tasks.examples import batch, make

TASK = make("normals")


def unit(vectors, axis):
    return vectors / np.linalg.norm(vectors, axis=axis, keepdims=True)


def test_png_bytes_become_unit_vectors_and_black_unlabelled():
    label = TASK.decode(np.array([[[255, 128, 128], [128, 128, 0], [0, 0, 0]]], np.uint8))
    np.testing.assert_allclose(label[0], [[1, 0, 0], [0, 0, -1], [0, 0, 0]], atol=0.01)
    np.testing.assert_allclose(np.linalg.norm(label[0, :2], axis=1), 1, atol=1e-6)


def test_unit_vectors_survive_a_png():
    label = unit(np.random.default_rng(0).standard_normal((30, 40, 3)), 2).astype(np.float32)
    again = TASK.decode(TASK.encode(label))
    angle = np.degrees(np.arccos((label * again).sum(2).clip(-1, 1)))
    assert angle.max() < 0.5


def test_a_mirrored_image_points_the_other_way():
    right, ahead = [1, 0, 0], [0, 0.6, -0.8]
    np.testing.assert_allclose(TASK.flip(np.array([[right, ahead]])), [[ahead, [-1, 0, 0]]])


@pytest.mark.parametrize(
    ("other", "degrees"),
    [
        ([1, 0, 0], 0),
        ([0, 1, 0], 90),
        ([-1, 0, 0], 180),
        ([0.5, np.sqrt(0.75), 0], 60),
        ([1, 1e-4, 0], 5.7296e-3),
    ],
)
def test_angles(other, degrees):
    a, b = (torch.tensor(v, dtype=torch.float32).reshape(1, 3, 1, 1) for v in ([1.0, 0.0, 0.0], other))
    assert angular_error(a, b).item() == pytest.approx(degrees, rel=1e-3)


def test_loss_and_metrics_equal_numpy():
    output, target = batch(TASK, 3)
    truth = target.double().numpy()
    valid = np.linalg.norm(truth, axis=1) > 0
    p, g = unit(output.double().numpy(), 1).transpose(0, 2, 3, 1)[valid], truth.transpose(0, 2, 3, 1)[valid]
    assert TASK.loss(output, target).item() == pytest.approx(np.abs(p - g).mean(), rel=1e-4)
    angle = np.degrees(np.arccos((p * unit(g, 1)).sum(1)))
    metrics = TASK.metrics(TASK.statistics(output, target))
    assert metrics["mErr"] == pytest.approx(angle.mean(), rel=1e-4)
    assert metrics["rmse"] == pytest.approx(np.sqrt((angle**2).mean()), rel=1e-4)
    for limit in (11.25, 22.5, 30):
        assert metrics[f"within_{limit:g}"] == pytest.approx(100 * (angle < limit).mean())
    assert metrics["median"] == pytest.approx(np.median(angle), abs=1)


@pytest.mark.parametrize(
    ("degrees", "median"),
    [([10.03], 10.05), ([1, 20.03, 90], 20.05), ([0, 0, 180, 0], 1 / 15), ([180], 179.95)],
)
def test_the_median_is_known_to_a_tenth_of_a_degree(degrees, median):
    angles = torch.deg2rad(torch.tensor(degrees, dtype=torch.float32))
    told = torch.stack([angles.cos(), angles.sin(), torch.zeros_like(angles)])[None, :, None]
    truth = torch.tensor([1.0, 0.0, 0.0]).reshape(1, 3, 1, 1).expand_as(told)
    assert TASK.metrics(TASK.statistics(told, truth))["median"] == pytest.approx(median, abs=1e-4)


def test_the_median_of_many_equals_numpy():
    rng = np.random.default_rng(0)
    told, truth = (
        torch.tensor(unit(rng.standard_normal((2, 3, 40, 50)), 1), dtype=torch.float32) for _ in range(2)
    )
    exact = np.degrees(np.arccos((told * truth).sum(1).numpy().clip(-1, 1)))
    assert TASK.metrics(TASK.statistics(told, truth))["median"] == pytest.approx(np.median(exact), abs=0.05)


def test_the_length_of_the_output_does_not_matter():
    output, target = batch(TASK, 2)
    assert TASK.loss(3 * output, target).item() == pytest.approx(TASK.loss(output, target).item(), rel=1e-4)


def test_picture():
    picture = TASK.picture(np.array([[[0, 0, 1], [0, 0, 0]]], np.float32))[0]
    assert picture[0].tolist() == [128, 128, 255]
    assert tuple(picture[1]) == UNLABELLED
