import numpy as np
import pytest
import torch

from fedmtl.tasks.geometry import turn
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


def test_what_points_right_in_a_turned_image_points_up():
    label = np.zeros((2, 2, 3), np.float32)
    label[0, 0], label[0, 1], label[1, 0] = [1, 0, 0], [0, 1, 0], [0, 0.6, -0.8]
    expected = np.zeros((2, 2, 3))
    expected[1, 0], expected[0, 0], expected[1, 1] = [0, -1, 0], [1, 0, 0], [0.6, 0, -0.8]
    turned = TASK.rotate(label, 90)
    np.testing.assert_allclose(turned, expected, atol=1e-6)
    assert turned.dtype == np.float32


def plane(size, across, down):
    """Depth across·x + down·y about the middle, and the plane's normal towards the camera, at every pixel."""
    y, x = np.mgrid[: size[0], : size[1]]
    depth = 5 + across * (x - (size[1] - 1) / 2) + down * (y - (size[0] - 1) / 2)
    normal = unit(np.array([across, down, -1.0]), 0)
    return depth.astype(np.float32), np.broadcast_to(normal, (*size, 3)).astype(np.float32)


@pytest.mark.parametrize("degrees", [-120, -20, 5, 35, 90])
def test_a_turned_plane_has_the_normal_of_its_turned_depth(degrees):
    depth, normals = plane((41, 41), 0.02, -0.05)
    turned = turn(depth, degrees, np.zeros_like(depth))[10:31, 10:31]
    y, x = np.mgrid[:21, :21]
    across, down, _ = np.linalg.lstsq(
        np.stack([x, y, x * 0 + 1], 2).reshape(-1, 3), turned.ravel(), rcond=None
    )[0]
    expected = unit(np.array([across, down, -1.0]), 0)
    np.testing.assert_allclose(TASK.rotate(normals, degrees)[20, 20], expected, atol=2e-3)


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


@pytest.mark.parametrize("length", [1, 0.1, 1e-3, 1e-6, 1e6])
@pytest.mark.parametrize("degrees", [0, 5, 180])
def test_angles_are_exact_whatever_the_length_of_the_output(length, degrees):
    truth = torch.tensor([0.0, 0.6, -0.8]).reshape(1, 3, 1, 1)
    across = torch.tensor([1.0, 0.0, 0.0]).reshape(1, 3, 1, 1)
    angle = np.radians(degrees)
    output = (length * (np.cos(angle) * truth.double() + np.sin(angle) * across.double())).float()
    metrics = TASK.metrics(TASK.statistics(output, truth))
    assert metrics["mErr"] == pytest.approx(degrees, abs=1e-5)
    assert TASK.predict(output[0])[0, 0] @ truth.flatten().numpy() == pytest.approx(np.cos(angle), abs=1e-6)


def test_no_direction_is_wrong_by_a_right_angle():
    truth = torch.tensor([0.0, 0.6, -0.8]).reshape(1, 3, 1, 1)
    assert TASK.metrics(TASK.statistics(torch.zeros(1, 3, 1, 1), truth))["mErr"] == pytest.approx(90)


def test_picture():
    picture = TASK.picture(np.array([[[0, 0, 1], [0, 0, 0]]], np.float32))[0]
    assert picture[0].tolist() == [128, 128, 255]
    assert tuple(picture[1]) == UNLABELLED
