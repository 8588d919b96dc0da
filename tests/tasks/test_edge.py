import numpy as np
import pytest
import torch
from scipy.ndimage import maximum_filter

from fedmtl.tasks.binary import weighted_cross_entropy
from tests.tasks.examples import batch, make

TASK = make("edge")


def measure(output, target):
    return TASK.metrics(TASK.statistics(output, target))


def line(column, width=8):
    """Target of an image (1, 1, 4, width) with a vertical edge."""
    target = torch.zeros(1, 1, 4, width)
    target[..., column] = 1
    return target


def test_edges_weigh_nineteen_times_the_rest():
    output, target = batch(TASK, 2)
    torch.testing.assert_close(TASK.loss(output, target), weighted_cross_entropy(output, target, 0.95))


def test_both_f_equal_numpy():
    output, target = batch(TASK, 3)
    score, truth = output.sigmoid().numpy()[:, 0], target.numpy()[:, 0]
    valid = truth >= 0
    edge = truth == 1
    near_edge = np.stack([maximum_filter(e, 3) for e in edge])
    exact = tolerant = 0.0
    for threshold in np.arange(1, 100) / 100:
        yes = (score >= threshold) & valid
        near_yes = np.stack([maximum_filter(y, 3) for y in yes])
        exact = max(exact, 2 * (yes & edge).sum() / (yes.sum() + edge.sum()))
        precision, recall = (yes & near_edge).sum() / max(yes.sum(), 1), (near_yes & edge).sum() / edge.sum()
        tolerant = max(tolerant, 2 * precision * recall / max(precision + recall, 1e-12))
    metrics = measure(output, target)
    assert metrics["edgeF"] == pytest.approx(100 * exact)
    assert metrics["edgeF_1px"] == pytest.approx(100 * tolerant)


@pytest.mark.parametrize(("shift", "tolerant"), [(0, 100), (1, 100), (2, 0)])
def test_tolerance_reaches_one_pixel(shift, tolerant):
    metrics = measure(40 * line(3 + shift) - 20, line(3))
    assert metrics["edgeF_1px"] == pytest.approx(tolerant)
    assert metrics["edgeF"] == pytest.approx(0 if shift else 100)


def test_predictions_in_an_unlabelled_border_neither_find_edges_nor_count():
    target = line(0)
    target[..., 1:] = -1
    metrics = measure(40 * line(1) - 20, target)
    assert metrics["edgeF_1px"] == 0


def test_without_edges_there_is_no_f():
    assert all(
        np.isnan(value) for value in measure(torch.zeros(1, 1, 4, 4), torch.zeros(1, 1, 4, 4)).values()
    )


def test_thin_lines_survive_shrinking():
    label = np.zeros((96, 128), np.int16)
    label[:, 37] = label[51] = 255
    small = TASK.resize(label, (24, 32))
    assert (small.max(axis=1) == 255).all()
    assert (small == 255).sum() == 24 + 32 - 1
