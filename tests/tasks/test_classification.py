import numpy as np
import pytest
import torch

from fedmtl.errors import DataError
from tests.tasks.examples import make

TASK = make("classification")


@pytest.mark.parametrize("value", [3, -1, 0.5, np.inf])
def test_what_is_no_class_is_refused(value):
    with pytest.raises(DataError, match="is not a class index; its 3 classes are numbered 0 to 2"):
        TASK.decode(np.array([value], np.float64))


def test_an_empty_cell_is_unlabelled():
    assert TASK.decode(np.array([np.nan])).tolist() == [-1]
    assert np.isnan(TASK.encode(np.array([-1]))).all()


def test_loss_and_metrics_equal_numpy():
    rng = np.random.default_rng(0)
    logits, truth = rng.standard_normal((40, 3)), rng.integers(-1, 3, 40)
    output, target, valid = torch.tensor(logits), torch.tensor(truth), truth >= 0
    logp = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    assert TASK.loss(output, target).item() == pytest.approx(-logp[valid, truth[valid]].mean(), rel=1e-5)
    right = logits.argmax(1) == truth
    metrics = TASK.metrics(TASK.statistics(output, target))
    assert metrics["accuracy"] == pytest.approx(100 * right[valid].mean())
    assert metrics["balanced_accuracy"] == pytest.approx(
        100 * np.mean([right[truth == c].mean() for c in range(3)])
    )


def test_predict_and_picture_show_the_class():
    label = TASK.predict(torch.tensor([0.1, 2.0, 0.3]))
    assert label.tolist() == [1]
    bars = (TASK.picture(label) != 255).any(axis=2).mean(axis=0)
    assert bars[60] == 1
    assert bars[10] < 0.02
    assert bars[110] < 0.02


def test_words_are_the_class():
    assert TASK.words(np.array([2])) == "c"
    assert TASK.words(np.array([-1])) == "unlabelled"


def test_a_summary_names_the_likeliest_class_and_has_all_probabilities():
    output = torch.tensor([0.1, 2.0, 0.3])
    summary = TASK.summary(output)
    assert summary["class"] == TASK.spec.classes[1]
    assert list(summary["probabilities"]) == list(TASK.spec.classes)
    assert list(summary["probabilities"].values()) == pytest.approx(output.softmax(0).tolist())
    assert sum(summary["probabilities"].values()) == pytest.approx(1)
