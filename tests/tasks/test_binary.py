import numpy as np
import pytest
import torch

from fedmtl.errors import DataError
from fedmtl.tasks.binary import weighted_cross_entropy
from fedmtl.tasks.palette import UNLABELLED
from tests.tasks.examples import make

maps = pytest.mark.parametrize("kind", ["edge", "saliency"])


@maps
def test_targets_are_yes_above_half(kind):
    label = np.array([[0, 127, 128, 255, -1]], np.int16)
    assert make(kind).target(label).tolist() == [[[0, 0, 1, 1, -1]]]


@maps
def test_a_png_has_no_value_for_unlabelled(kind):
    with pytest.raises(DataError, match=f"a PNG of kind '{kind}' cannot hold unlabelled pixels"):
        make(kind).encode(np.array([[3, -1]], np.int16))


@maps
def test_predictions_are_probabilities_on_the_scale_of_labels(kind):
    output = torch.tensor([[[-100.0, 0.0, np.log(3), 100.0]]])
    np.testing.assert_array_equal(make(kind).predict(output), [[0, 128, 191, 255]])


@maps
def test_pictures_are_grey_levels(kind):
    picture = make(kind).picture(np.array([[0, 200, -1]], np.int16))[0]
    assert picture[:2].tolist() == [[0, 0, 0], [200, 200, 200]]
    assert tuple(picture[2]) == UNLABELLED


@pytest.mark.parametrize("weight", [0.5, 0.95])
def test_weighted_cross_entropy_equals_numpy(weight):
    rng = np.random.default_rng(0)
    logits, truth = rng.standard_normal((2, 1, 4, 5)), rng.choice([-1, 0, 1], (2, 1, 4, 5))
    p = 1 / (1 + np.exp(-logits))
    cost = np.where(truth == 1, -weight * np.log(p), -(1 - weight) * np.log(1 - p))[truth >= 0]
    loss = weighted_cross_entropy(torch.tensor(logits), torch.tensor(truth, dtype=torch.float32), weight)
    assert loss.item() == pytest.approx(cost.mean(), rel=1e-5)
