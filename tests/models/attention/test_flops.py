import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from fedmtl.models.attention.operator import make_operator


class Kernels:
    """As cheap as kernels can be: counting must not look into them."""

    @staticmethod
    def forward(value, locations, weights, sources):
        return value.new_zeros(*locations.shape[:2], value.shape[4] * value.shape[5])

    @staticmethod
    def backward(grad, value, locations, weights, sources):
        return torch.zeros_like(value), torch.zeros_like(locations), torch.zeros_like(weights)


@pytest.fixture(scope="module")
def sample():
    return make_operator("sample_counted", lambda: Kernels)


def flops(call):
    with FlopCounterMode(display=False) as counter:
        result = call()
    return counter.get_total_flops(), result


def leaves(tasks=3, slots=3, channels=4):
    """Value, locations, weights: 2 images, 6 queries, 2 heads, 2 points; 48 samples a slot."""
    shapes = (2, tasks, 4, 5, 2, channels), (2, 6, 2, slots, 2, 2), (2, 6, 2, slots, 2)
    return [torch.rand(shape, requires_grad=True) for shape in shapes]


def test_one_sample_of_one_channel(sample):
    inputs = [torch.rand(shape, requires_grad=True) for shape in ((1,) * 6, (1, 1, 1, 1, 1, 2), (1,) * 5)]
    forward, out = flops(lambda: sample(*inputs, None))
    backward, _ = flops(out.sum().backward)
    # Four corners: u·v, times the attention weight, times the one channel …
    assert forward == 2 * 4 * (1 + 1 + 1)
    # … and back: u·v, times the weight, times the gradient; value times gradient; from that three gradients.
    assert backward == 2 * 4 * (1 + 1 + 1 + 1 + 3)


@pytest.mark.parametrize("channels", [1, 4, 33])
@pytest.mark.parametrize(("tasks", "slots"), [(3, None), (5, 3), (2, 5)])
def test_points_that_are_sampled_count_not_tasks_that_could_be(sample, tasks, slots, channels):
    sources = None if slots is None else torch.zeros(2, 6, slots, dtype=torch.int64)
    inputs, samples = leaves(tasks, slots or tasks, channels), 48 * (slots or tasks)
    forward, out = flops(lambda: sample(*inputs, sources))
    assert forward == 2 * 4 * samples * (channels + 2)
    assert flops(out.sum().backward)[0] == 2 * 4 * samples * (2 * channels + 5)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_evaluation_counts_as_much(sample, mode):
    with mode():
        assert flops(lambda: sample(*leaves(), None))[0] == 2 * 4 * 144 * 6
