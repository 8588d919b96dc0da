import pytest
import torch

from fedmtl.data import make_loader
from fedmtl.training.evaluation import evaluate
from tests.training.local import SPECS, TASKS, dataset, network


@pytest.fixture(scope="module")
def trained():
    """A network that is not at its initial values."""
    net = network()
    with torch.no_grad():
        for index, parameter in enumerate(net.parameters()):
            noise = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(index))
            parameter += 0.05 * noise
    return net


def naive(net, data):
    """One image at a time."""
    net.eval()
    sums = {task: {} for task in SPECS}
    with torch.no_grad():
        for batch in make_loader(data, 1, training=False):
            predictions = net(batch.image).predictions
            for task in TASKS:
                added = task.statistics(predictions[task.name], batch.targets[task.name])
                for name, value in added.items():
                    sums[task.name][name] = sums[task.name].get(name, 0) + value
    return sums


@pytest.mark.parametrize(("batch_size", "workers"), [(1, 0), (3, 0), (7, 0), (3, 1)])
def test_statistics_are_those_of_a_plain_loop(trained, batch_size, workers):
    data = dataset(7, unlabelled=(2,))
    result = evaluate(trained, TASKS, data, batch_size, workers)
    assert result.images == 7
    assert result.seconds > 0
    assert not trained.training
    for task, expected in naive(trained, data).items():
        assert result.statistics[task].keys() == expected.keys()
        for name, value in expected.items():
            torch.testing.assert_close(result.statistics[task][name], value, rtol=1e-5, atol=1)


def test_nothing_is_augmented_and_nothing_changes(trained):
    data = dataset(4)
    before = {name: tensor.clone() for name, tensor in trained.state_dict().items()}
    first, second = (evaluate(trained, TASKS, data, 4).statistics for _ in range(2))
    for task in SPECS:
        assert all(torch.equal(first[task][name], second[task][name]) for name in first[task])
    assert all(torch.equal(tensor, before[name]) for name, tensor in trained.state_dict().items())


def test_some_tasks_can_be_measured_alone(trained):
    everything = evaluate(trained, TASKS, dataset(4), 4).statistics
    alone = evaluate(trained, TASKS[:1], dataset(4), 4).statistics
    assert set(alone) == {"depth"}
    assert all(torch.equal(alone["depth"][name], value) for name, value in everything["depth"].items())


def test_no_images_have_no_statistics(trained):
    result = evaluate(trained, TASKS, dataset(0), 4)
    assert result.images == 0
    assert result.statistics == {}
