import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import sdpa_backward_flop_count, sdpa_flop_count

from fedmtl.config import AttentionKind
from fedmtl.models.attention import deformable_sample
from fedmtl.models.cost import multiply_adds
from tests.models.toys import images, toy_config, toy_network


def leaf(*shape):
    return torch.rand(*shape, requires_grad=True)


def test_a_layer_costs_its_matrix_products():
    layer, x = nn.Linear(8, 3), leaf(5, 8)
    assert multiply_adds(lambda: layer(x)) == 5 * 8 * 3
    # By the input and by the weight.
    assert multiply_adds(lambda: layer(x).sum().backward()) == 3 * (5 * 8 * 3)


@pytest.mark.parametrize("kind", [nn.Conv2d, nn.ConvTranspose2d])
@pytest.mark.parametrize("groups", [1, 2, 4])
def test_a_convolutions_gradients_each_cost_what_it_does_whatever_its_groups(kind, groups):
    layer, x = kind(8, 12, 3, stride=2, groups=groups), leaf(2, 8, 7, 9)
    positions = x[0, 0].numel() if kind is nn.ConvTranspose2d else layer(x)[0, 0].numel()
    forward = 2 * positions * layer.weight.numel()
    assert multiply_adds(lambda: layer(x)) == forward
    assert multiply_adds(lambda: layer(x).sum().backward()) == 3 * forward
    assert multiply_adds(lambda: layer(x.detach()).sum().backward()) == 2 * forward


@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad, torch.inference_mode])
def test_attention_on_a_cpu_costs_what_torch_says_of_it_elsewhere(mode):
    query, key, value = leaf(2, 4, 7, 8), leaf(2, 4, 5, 8), leaf(2, 4, 5, 8)
    shapes = query.shape, key.shape, value.shape
    with mode():
        forward = multiply_adds(lambda: F.scaled_dot_product_attention(query, key, value))
    assert forward == 2 * (2 * 4 * 7 * 5 * 8) == sdpa_flop_count(*shapes) // 2
    both = multiply_adds(lambda: F.scaled_dot_product_attention(query, key, value).sum().backward())
    assert both - forward == sdpa_backward_flop_count(query.shape, *shapes) // 2


@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad, torch.inference_mode])
def test_grid_sample_reads_four_corners(mode):
    maps, grid = leaf(2, 3, 4, 5), leaf(2, 6, 7, 2)
    with mode():
        assert multiply_adds(lambda: F.grid_sample(maps, grid, align_corners=False)) == 4 * (2 * 6 * 7) * 4


@pytest.mark.parametrize(
    ("by_maps", "by_grid", "corner"), [(True, True, 9), (True, False, 4), (False, True, 5)]
)
def test_the_backward_pass_of_grid_sample_costs_what_is_asked_of_it(by_maps, by_grid, corner):
    maps, grid = torch.rand(2, 3, 4, 5, requires_grad=by_maps), torch.rand(2, 6, 7, 2, requires_grad=by_grid)
    sampled = F.grid_sample(maps, grid, align_corners=False)
    assert multiply_adds(sampled.sum().backward) == 4 * (2 * 6 * 7) * corner


def test_the_plain_core_costs_its_grid_sample():
    value, locations, weights = leaf(2, 3, 4, 5, 2, 8), leaf(2, 6, 2, 3, 4, 2), leaf(2, 6, 2, 3, 4)
    samples = weights.numel()
    assert multiply_adds(lambda: deformable_sample(value, locations, weights, backend="plain")) == (
        4 * samples * (8 + 1)
    )


def test_formulas_of_other_operators_can_be_added():
    x = leaf(3, 4)
    assert multiply_adds(lambda: x * x) == 0
    formulas = {torch.ops.aten.mul: lambda a, b, **_: 2 * a.numel()}
    assert multiply_adds(lambda: x * x, formulas) == 12


@pytest.mark.parametrize("kind", [AttentionKind.deformable, AttentionKind.pooled, AttentionKind.full])
def test_a_whole_network_is_counted_with_its_attention(kind):
    image = images()
    with_it = toy_network(config=toy_config(kind=kind))
    without = toy_network(config=toy_config(kind=AttentionKind.none))
    maps = {task: torch.rand(2, 16, 8, 12) for task in with_it.tasks}
    attention = multiply_adds(lambda: with_it.attention(maps, with_it.own))
    assert attention > 0
    assert multiply_adds(lambda: with_it(image)) == multiply_adds(lambda: without(image)) + attention


def test_the_attention_of_two_tasks_costs_its_projections_scores_and_sums():
    network = toy_network(config=toy_config(kind=AttentionKind.full))
    maps = {task: torch.rand(1, 16, 8, 12) for task in network.tasks}
    positions = 2 * 8 * 12
    projections = 4 * positions * 16 * 16 + 2 * positions * 16 * 32
    assert multiply_adds(lambda: network.attention(maps, network.own)) == projections + 2 * positions**2 * 16
