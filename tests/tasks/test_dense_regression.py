import numpy as np
import pytest
import torch

from fedmtl.errors import DataError
from fedmtl.tasks import TaskSpec, build_task

HEAT = build_task(TaskSpec("keypoints", "dense_regression"))
CURVATURE = build_task(TaskSpec("curvature", "dense_regression", ("first", "second")))


def test_one_value_has_sixteen_bits():
    raw = np.array([[0, 32767, 65534, 65535]], np.uint16)
    label = HEAT.decode(raw)
    np.testing.assert_allclose(label[:, :, 0], [[0, 0.5, 1, -1]])
    assert (label.shape, label.dtype) == ((1, 4, 1), np.float32)
    np.testing.assert_array_equal(HEAT.encode(label), raw)
    with pytest.raises(DataError, match=r"uint16 \(H, W\), not uint8"):
        HEAT.decode(raw.astype(np.uint8))


def test_several_values_have_eight_bits_each():
    raw = np.array([[[0, 254], [127, 255]]], np.uint8)
    label = CURVATURE.decode(raw)
    np.testing.assert_allclose(label, [[[0, 1], [0.5, -1]]])
    np.testing.assert_array_equal(CURVATURE.encode(label), raw)


def test_errors_are_those_of_labelled_numbers():
    target = CURVATURE.target(np.array([[[0.5, 0.25], [1, -1]]], np.float32))[None]
    output = torch.tensor([[[[0.5, 0.7]], [[0.65, 9]]]])
    metrics = CURVATURE.metrics(CURVATURE.statistics(output, target))
    assert metrics["mae"] == pytest.approx(0.7 / 3, abs=1e-6)
    assert metrics["rmse"] == pytest.approx(((0.3**2 + 0.4**2) / 3) ** 0.5, abs=1e-6)
    assert CURVATURE.loss(output, target).item() == pytest.approx(0.7 / 3, abs=1e-6)


def test_predictions_stay_in_range():
    np.testing.assert_array_equal(HEAT.predict(torch.tensor([[[-1.0, 0.5, 2.0]]]))[0, :, 0], [0, 0.5, 1])


def test_a_picture_shows_what_is_unlabelled():
    picture = CURVATURE.picture(np.array([[[1, 0.5], [0.5, -1]]], np.float32))
    assert picture.tolist() == [[[255, 128, 0], [64, 64, 64]]]
    assert HEAT.picture(np.ones((1, 1, 1), np.float32)).tolist() == [[[255, 255, 255]]]


def test_more_values_than_a_png_has_are_refused():
    with pytest.raises(DataError, match="0 to 4"):
        build_task(TaskSpec("many", "dense_regression", tuple("abcde")))
