import numpy as np
import pytest
import torch

from fedmtl.training.statistics import join_statistics, split_statistics, statistics_shapes, statistics_size
from tests.tasks.examples import KINDS, batch, make


@pytest.mark.parametrize("kind", KINDS)
def test_splitting_what_was_joined_gives_the_statistics_back(kind):
    task = make(kind)
    statistics = task.statistics(*batch(task, 3))
    vector = join_statistics(task.spec, statistics)
    assert vector.dtype == np.float64
    assert vector.shape == (statistics_size(task.spec),)
    again = split_statistics(task.spec, vector)
    assert again.keys() == statistics.keys()
    assert all(torch.equal(again[name], statistics[name]) for name in statistics)


@pytest.mark.parametrize("kind", KINDS)
def test_adding_vectors_adds_statistics(kind):
    task = make(kind)
    one, other = (task.statistics(*batch(task, 2, seed)) for seed in (0, 1))
    pooled = split_statistics(task.spec, join_statistics(task.spec, one) + join_statistics(task.spec, other))
    for name, value in pooled.items():
        torch.testing.assert_close(value, one[name] + other[name], rtol=0, atol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_shapes_are_known_without_data_and_in_order_of_names(kind):
    task = make(kind)
    shapes = statistics_shapes(task.spec)
    assert list(shapes) == sorted(shapes)
    assert shapes == {name: value.shape for name, value in task.statistics(*batch(task, 2)).items()}


def test_what_was_split_is_a_copy():
    task = make("depth")
    vector = np.ones(statistics_size(task.spec))
    vector.flags.writeable = False
    split_statistics(task.spec, vector)["count"] += 1
    assert (vector == 1).all()
