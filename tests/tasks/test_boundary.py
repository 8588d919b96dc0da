import numpy as np
import pytest
import torch

from fedmtl.tasks import TaskSpec, build_task
from fedmtl.tasks.boundary import Boundary
from tests.tasks.examples import KINDS, batch, make, perfect_output

TASK = build_task(TaskSpec("my edge", "fedmtl.tasks.boundary:Boundary"))
SIZE = (60, 80)
"""Tolerances are 0.75 and 1.1 pixels."""


def image(*lines):
    """Logits (1, 1, 60, 80) of upright lines of forty pixels: (column, probability)."""
    output = torch.full((1, 1, *SIZE), -20.0)
    for column, probability in lines:
        output[..., 10:50, column] = torch.tensor(float(probability)).logit(eps=1e-9)
    return output


def truth(*columns):
    target = torch.zeros(1, 1, *SIZE)
    for column in columns:
        target[..., 10:50, column] = 1
    return target


def measure(output, target):
    return TASK.metrics(TASK.statistics(output, target))


def added(*statistics):
    return {name: sum(each[name] for each in statistics) for name in statistics[0]}


SURE = image((20, 0.9), (60, 0.5)), truth(20)
UNSURE = image((20, 0.2), (60, 0.3)), truth(60)


def test_one_threshold_for_all_images_and_one_for_each_by_hand():
    """Right up to 0.9 and 0.3, wrong up to 0.5 and 0.2: 4/6 below 0.2, 4/5 below 0.3, 2/4 below 0.5, 2/3 below 0.9."""
    metrics = measure(torch.cat([SURE[0], UNSURE[0]]), torch.cat([SURE[1], UNSURE[1]]))
    assert metrics["odsF_0.0075"] == pytest.approx(80, abs=1e-6)
    assert metrics["oisF_0.0075"] == pytest.approx(100, abs=1e-6)


def test_an_image_without_a_boundary_has_its_false_ones_at_the_lowest_threshold():
    metrics = measure(torch.cat([SURE[0], SURE[0]]), torch.cat([SURE[1], truth()]))
    assert metrics["odsF_0.0075"] == pytest.approx(100 * 2 / 3, abs=1e-6)
    assert metrics["oisF_0.0075"] == pytest.approx(100 * 2 * 40 / (40 + 80 + 40), abs=1e-6)


@pytest.mark.parametrize(("shift", "pascal", "nyud"), [(0, 100, 100), (1, 0, 100), (2, 0, 0)])
def test_the_two_tolerances_have_names_of_their_own(shift, pascal, nyud):
    metrics = measure(image((40 + shift, 1)), truth(40))
    assert (metrics["odsF_0.0075"], metrics["odsF_0.011"]) == pytest.approx((pascal, nyud), abs=1e-6)
    assert (metrics["oisF_0.0075"], metrics["oisF_0.011"]) == pytest.approx((pascal, nyud), abs=1e-6)


def test_statistics_add_up_over_images_however_they_are_batched():
    output, target = torch.cat([SURE[0], UNSURE[0], SURE[0]]), torch.cat([SURE[1], UNSURE[1], truth()])
    whole = TASK.statistics(output, target)
    alone = [TASK.statistics(output[i : i + 1], target[i : i + 1]) for i in range(3)]
    for name, total in added(*alone).items():
        assert torch.equal(total, whole[name])
        assert (total.dtype, total.device.type) == (torch.float64, "cpu")


def test_shapes_are_those_of_a_1x1_image_without_labels():
    nothing = TASK.statistics(torch.zeros(1, 1, 1, 1), -torch.ones(1, 1, 1, 1))
    assert all(total.sum() == 0 for total in nothing.values())
    sizes = {name: total.shape for name, total in TASK.statistics(*SURE).items()}
    assert {name: total.shape for name, total in nothing.items()} == sizes


@pytest.mark.parametrize("value", [0.0, -1.0, 1e-300, 1e308, -1e308])
def test_impossible_statistics_end_nothing(value):
    statistics = {name: torch.full_like(total, value) for name, total in TASK.statistics(*SURE).items()}
    assert TASK.metric in TASK.metrics(statistics)


def test_without_boundaries_there_is_no_f():
    assert all(np.isnan(value) for value in measure(SURE[0], truth()).values())


def test_it_is_an_edge_that_measures_more():
    edge, (output, target) = make("edge"), batch(make("edge"), 2)
    thorough = edge.thorough()
    assert isinstance(thorough, Boundary)
    assert (thorough.spec, edge.metric, thorough.metric) == (edge.spec, "edgeF", "odsF_0.0075")
    assert thorough.metric in measure(*SURE)
    assert torch.equal(thorough.loss(output, target), edge.loss(output, target))
    assert thorough.thorough() is thorough
    more = thorough.metrics(thorough.statistics(output, target))
    assert more.items() > edge.metrics(edge.statistics(output, target)).items()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "edge"])
def test_other_kinds_measure_everything_always(kind):
    task = make(kind)
    assert task.thorough() is task


def test_a_sure_prediction_of_thinned_truth_is_perfect():
    target = truth(20, 60)
    metrics = measure(perfect_output(make("edge"), target), target)
    assert all(value == pytest.approx(100, abs=1e-6) for value in metrics.values())
