import numpy as np
import pytest
import torch

from fedmtl.errors import DataError
from fedmtl.tasks.palette import UNLABELLED
from tests.tasks.examples import batch, make

TASK = make("depth")


def test_png_holds_millimetres():
    label = TASK.decode(np.array([[0, 1500]], np.uint16))
    np.testing.assert_array_equal(label, np.array([[0, 1.5]], np.float32))


@pytest.mark.parametrize("metres", [65.6, -0.1, np.nan])
def test_what_a_png_cannot_hold_is_refused(metres):
    with pytest.raises(DataError, match=r"a depth PNG holds 0 to 65\.535 m"):
        TASK.encode(np.array([[1.0, metres]], np.float32))


def test_zooming_in_brings_things_nearer():
    np.testing.assert_allclose(TASK.zoom(np.array([[3.0, 0.0]], np.float32), 1.5), [[2.0, 0.0]])


def test_loss_and_metrics_equal_numpy():
    output, target = batch(TASK, 3)
    valid = target.numpy() > 0
    p, g = 4 * np.log1p(np.exp(output.double().numpy()))[valid], target.double().numpy()[valid]
    assert TASK.loss(output, target).item() == pytest.approx(np.abs(p - g).mean(), rel=1e-5)
    metrics = TASK.metrics(TASK.statistics(output, target))
    assert metrics["rmse"] == pytest.approx(np.sqrt(((p - g) ** 2).mean()), rel=1e-5)
    assert metrics["abs_rel"] == pytest.approx((np.abs(p - g) / g).mean(), rel=1e-5)
    assert metrics["sq_rel"] == pytest.approx(((p - g) ** 2 / g).mean(), rel=1e-5)
    assert metrics["rmse_log"] == pytest.approx(np.sqrt(((np.log(p) - np.log(g)) ** 2).mean()), rel=1e-5)
    for i in (1, 2, 3):
        assert metrics[f"delta{i}"] == pytest.approx(100 * (np.maximum(p / g, g / p) < 1.25**i).mean())


def test_metrics_by_hand():
    """Depths of 1 m and 2 m, told as 2 m and 2.5 m."""
    truth, told = torch.tensor([[[[1.0, 2.0, 0.0]]]]), torch.tensor([[[[2.0, 2.5, 9.0]]]])
    metrics = TASK.metrics(TASK.statistics((told / 4).expm1().log(), truth))
    expected = {
        "rmse": np.sqrt((1 + 0.25) / 2),
        "rmse_images": np.sqrt((1 + 0.25) / 2),
        "abs_err": (1 + 0.5) / 2,
        "log10": (np.log10(2) + np.log10(1.25)) / 2,
        "rmse_log": np.sqrt((np.log(2) ** 2 + np.log(1.25) ** 2) / 2),
        "abs_rel": (1 + 0.25) / 2,
        "sq_rel": (1 + 0.125) / 2,
    }
    assert {name: metrics[name] for name in expected} == pytest.approx(expected, rel=1e-6)
    assert metrics["delta2"] == metrics["delta3"] == 50


def test_errors_of_images_count_alike():
    """Errors of 1 m at one pixel, and of 3 m at two; a third image has no label."""
    truth = torch.tensor([[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])[:, None, None]
    told = torch.tensor([[2.0, 9.0], [4.0, 4.0], [9.0, 9.0]])[:, None, None]
    statistics = TASK.statistics((told / 4).expm1().log(), truth)
    assert TASK.metrics(statistics)["rmse_images"] == pytest.approx((1 + 3) / 2)
    assert TASK.metrics(statistics)["rmse"] == pytest.approx(np.sqrt((1 + 9 + 9) / 3))


def test_a_depth_next_to_nothing_is_wrong_by_all_of_it():
    statistics = TASK.statistics(torch.full((1, 1, 1, 1), -200.0), torch.ones(1, 1, 1, 1))
    metrics = TASK.metrics(statistics)
    assert metrics["rmse"] == metrics["abs_err"] == 1
    assert metrics["log10"] == pytest.approx(9, rel=1e-5)


def test_an_output_far_below_zero_has_finite_errors():
    assert all(
        np.isfinite(
            list(
                TASK.metrics(TASK.statistics(torch.full((1, 1, 1, 1), -1e4), torch.ones(1, 1, 1, 1))).values()
            )
        )
    )


def test_predictions_are_positive_and_fit_a_png():
    metres = TASK.predict(torch.tensor([[[-1e4, -1.0, 0.0, 1e4]]]))
    assert metres.min() > 0
    assert TASK.encode(metres)[0, [0, 3]].tolist() == [1, 65535]


def test_a_prediction_is_painted_on_the_label_s_scale():
    label, prediction = np.array([[1.0, 5.0, 0.0]], np.float32), np.array([[1.0, 3.0, 9.0]], np.float32)
    on_label, alone = TASK.picture(prediction, reference=label)[0], TASK.picture(prediction)[0]
    shown = TASK.picture(label)[0]
    assert tuple(on_label[0]) == tuple(shown[0])
    assert tuple(on_label[2]) == tuple(shown[1])
    assert tuple(on_label[1]) != tuple(alone[1])
    assert tuple(shown[2]) == UNLABELLED
