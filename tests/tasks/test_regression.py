import numpy as np
import pytest
import torch

from fedmtl.errors import DataError
from fedmtl.tasks import TaskSpec, build_task
from tests.tasks.examples import make

TASK = make("regression")


def random_batch():
    rng = np.random.default_rng(0)
    truth = rng.standard_normal((50, 3)) * [1, 5, 0.1] + [100, 0, 3]
    predicted = truth + rng.standard_normal((50, 3))
    truth[rng.random((50, 3)) < 0.2] = np.nan
    return predicted, truth, torch.tensor(predicted), torch.tensor(truth)


def test_without_classes_there_is_one_value():
    task = build_task(TaskSpec("biomass", "regression"))
    assert task.channels == 1
    assert task.decode(np.array([2.5])).tolist() == [2.5]


def test_infinite_values_are_refused():
    with pytest.raises(DataError, match="a value is infinite"):
        TASK.decode(np.array([0, np.inf, 1]))


def test_loss_equals_numpy():
    predicted, truth, output, target = random_batch()
    error = np.abs(predicted - truth)[~np.isnan(truth)]
    expected = np.where(error < 1, error**2 / 2, error - 0.5).mean()
    assert TASK.loss(output, target).item() == pytest.approx(expected, rel=1e-4)


def test_metrics_equal_numpy():
    predicted, truth, output, target = random_batch()
    error = predicted - truth
    metrics = TASK.metrics(TASK.statistics(output, target))
    assert metrics["rmse"] == pytest.approx(np.sqrt(np.nanmean(error**2, axis=0)).mean())
    assert metrics["mae"] == pytest.approx(np.nanmean(np.abs(error), axis=0).mean())
    r2 = 1 - np.nanmean(error**2, axis=0) / np.nanvar(truth, axis=0)
    assert metrics["r2"] == pytest.approx(r2.mean())


def test_a_value_without_labels_is_left_out():
    target = torch.tensor([[1.0, torch.nan, 3.0], [2.0, torch.nan, 3.0]])
    metrics = TASK.metrics(TASK.statistics(torch.zeros(2, 3), target))
    assert metrics["mae"] == pytest.approx((1.5 + 3) / 2)


def test_a_value_that_does_not_vary_has_no_r2():
    target = torch.tensor([[1.0, 7.1, 3.0], [2.0, 7.1, 5.0]])
    predicted = target + torch.tensor([[0.0, 5.0, 1.0]])
    assert TASK.metrics(TASK.statistics(predicted, target))["r2"] == pytest.approx((1 + 0) / 2)


def test_bars_share_the_label_s_scale():
    label, prediction = np.array([0.0, 2.0, 4.0]), np.array([0.0, 2.0, 2.0])
    picture = TASK.picture(prediction, reference=label)
    painted = (picture != 255).any(axis=2).mean(axis=0)
    assert painted[60] == painted[100] == pytest.approx(0.5, abs=0.02)


def test_words_are_names_and_numbers():
    assert TASK.words(np.array([0.12345, np.nan, -1200.0])) == "a 0.123, b –, c -1.2e+03"
    assert build_task(TaskSpec("age", "regression")).words(np.array([31.0])) == "31"


def test_a_summary_has_values_by_name():
    assert TASK.summary(torch.tensor([1.5, -2, 0])) == {
        "values": dict(zip(TASK.spec.classes, (1.5, -2, 0), strict=True))
    }
    assert build_task(TaskSpec("biomass", "regression")).summary(torch.tensor([2.5])) == {
        "values": {"biomass": 2.5}
    }
