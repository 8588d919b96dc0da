import numpy as np
import pytest
import torch

from fedmtl.errors import DataError
from fedmtl.tasks import TaskSpec, build_task
from tests.tasks.examples import make

TASK = make("soft_classification")
SEVEN = build_task(TaskSpec("seven", "soft_classification", tuple("abcdefg")))
P = np.array([[0.7, 0.2, 0.1], [0.0, 1.0, 0.0], [np.nan] * 3])
Q = np.array([[0.5, 0.3, 0.2], [0.6, 0.3, 0.1], [0.1, 0.1, 0.8]])


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ([0.5, 0.4, 0.0], "the probabilities add up to 0.9, not to 1"),
        ([1.5, -0.5, 0.0], "a probability is negative or missing"),
        ([0.5, 0.5, np.nan], "a probability is negative or missing"),
        ([np.inf, 0.5, 0.5], "add up to inf"),
    ],
)
def test_what_is_no_distribution_is_refused(raw, message):
    with pytest.raises(DataError, match=message):
        TASK.decode(np.array(raw))


def test_loss_is_the_cross_entropy_less_the_label_s_own():
    output, target = torch.tensor(np.log(Q) + 2), torch.tensor(P, dtype=torch.float32)
    cross = -(P[0] * np.log(Q[0])).sum(), -np.log(Q[1, 1])
    own = -(P[0] * np.log(P[0])).sum()
    assert TASK.loss(output, target).item() == pytest.approx((cross[0] - own + cross[1]) / 2, rel=1e-5)
    metrics = TASK.metrics(TASK.statistics(output, target))
    assert metrics["cross_entropy"] == pytest.approx(np.mean(cross), rel=1e-5)
    assert metrics["top1"] == 50
    assert metrics["top5"] == 100  # of three classes


def test_its_gradient_is_that_of_the_cross_entropy():
    output, target = torch.randn(2, 3, requires_grad=True), torch.tensor(P[:2], dtype=torch.float32)
    (ours,) = torch.autograd.grad(TASK.loss(output, target), output)
    (usual,) = torch.autograd.grad(torch.nn.functional.cross_entropy(output, target), output)
    torch.testing.assert_close(ours, usual)


def test_the_likeliest_class_may_be_among_the_five():
    truth = torch.eye(7)
    output = torch.arange(7.0).expand(7, 7)
    metrics = SEVEN.metrics(SEVEN.statistics(output, truth))
    assert metrics["top1"] == pytest.approx(100 / 7)
    assert metrics["top5"] == pytest.approx(500 / 7)


def test_words_and_summary_name_the_likeliest():
    label = np.float32([0.1, 0.6, 0.05, 0.05, 0.2, 0, 0])
    assert SEVEN.words(label) == "b 60%, e 20%, a 10%"
    assert SEVEN.words(np.full(7, np.nan)) == "unlabelled"
    summary = SEVEN.summary(torch.from_numpy(label).log())
    assert summary["class"] == "b"
    assert list(summary["probabilities"]) == ["b", "e", "a", "c", "d"]
    assert summary["probabilities"]["e"] == pytest.approx(0.2)


def test_bars_are_of_the_classes_that_are_likely_in_the_label():
    label, prediction = np.float32([0, 0, 0, 0, 0, 0, 1]), np.float32([1, 0, 0, 0, 0, 0, 0])
    assert (SEVEN.picture(label) != 255).any()
    shown = SEVEN.picture(prediction, reference=label)
    # The second of its bars is that of "a": the first is of "g", which it does not give.
    empty = [not (bar != 255).any(axis=2)[:-2].any() for bar in np.array_split(shown, 5, axis=1)]
    assert empty[0]
    assert not empty[1]
