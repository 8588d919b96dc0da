from dataclasses import replace

import pytest
import torch

from fedmtl.config import AttentionConfig
from fedmtl.models.attention import deformable_sample
from fedmtl.models.attention.deformable import DeformableAttention, DeformableSource, pixel_centres

CONFIG = AttentionConfig(channels=8, heads=4, points=3)


def values(tasks=2, size=9):
    return torch.rand(1, tasks, size, size, 8, generator=torch.Generator().manual_seed(0))


def trained(tasks, **options):
    """A block in evaluation whose every parameter has moved."""
    block = DeformableAttention(replace(CONFIG, **options), tasks, seed=0)
    torch.manual_seed(0)
    for parameter in block.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    return block.eval()


def test_points_start_on_a_ring_with_even_weights():
    source = DeformableSource("a", CONFIG)
    query = torch.rand(8)
    directions = torch.tensor([[1.0, 0], [0, 1], [-1, 0], [0, -1]])
    expected = directions[:, None] * torch.tensor([1.0, 2, 3])[None, :, None]
    torch.testing.assert_close(source.offsets(query).view(4, 3, 2), expected, atol=1e-6, rtol=0)
    assert source.logits(query).count_nonzero() == 0


def test_offsets_are_pixels():
    offsets = DeformableAttention(CONFIG, ["a"], seed=0)._offset_map(height=5, width=4).bias.view(4, 3, 2)
    torch.testing.assert_close(offsets[0, 1], torch.tensor([2 / 4, 0.0]), atol=1e-6, rtol=0)
    torch.testing.assert_close(offsets[1, 2], torch.tensor([0.0, 3 / 5]), atol=1e-6, rtol=0)


def test_pixel_centres_go_row_by_row():
    expected = torch.tensor([[0.25, 0.5 / 3], [0.75, 0.5 / 3], [0.25, 1.5 / 3], [0.75, 1.5 / 3]])
    torch.testing.assert_close(pixel_centres(3, 2, torch.device("cpu"))[:4], expected)


def test_at_first_a_query_gathers_the_mean_of_its_ring_in_every_source():
    block = DeformableAttention(CONFIG, ["a", "b"], seed=0)
    torch.nn.init.eye_(block.value.weight)
    torch.nn.init.zeros_(block.value.bias)
    x = values()
    gathered = block.attend(x[:, :1], x, x).values[0, 0]
    # Head 0 owns channels 0 and 1, and looks 1, 2 and 3 pixels to the right.
    torch.testing.assert_close(gathered[4, 4, :2], x[0, :, 4, 5:8, :2].mean(dim=(0, 1)))
    # Head 3 owns channels 6 and 7, and looks up.
    torch.testing.assert_close(gathered[4, 4, 6:], x[0, :, 1:4, 4, 6:].mean(dim=(0, 1)))


def test_weights_are_shared_out_over_all_sources_together():
    block = DeformableAttention(CONFIG, ["a", "b"], seed=0)
    with torch.no_grad():
        block.sources["b"].logits.bias.fill_(40)
    x = values()
    silenced = x.clone()
    silenced[:, 0] = 0
    query = x[:, :1]
    torch.testing.assert_close(
        block.attend(query, x, x).values[:, :, 4, 4], block.attend(query, x, silenced).values[:, :, 4, 4]
    )


def test_a_budget_of_all_sources_is_the_model_without_gates():
    whole, budget = trained("abc"), trained("abc", top_k=3)
    state = {name: tensor for name, tensor in budget.state_dict().items() if ".gate." not in name}
    whole.load_state_dict(state)
    for source in budget.sources:
        torch.nn.init.zeros_(budget.sources[source].gate.weight)
        torch.nn.init.ones_(budget.sources[source].gate.bias)  # a gate that all sources share changes nothing
    x = values(3)
    torch.testing.assert_close(budget.train().attend(x, x, x).values, whole.attend(x, x, x).values)
    assert budget.attend(x, x, x).auxiliary == 0


@pytest.mark.parametrize("k", [1, 2, 3])
def test_a_budget_is_the_softmax_over_all_sources_cut_to_those_with_the_largest_gates(k, monkeypatch):
    block = trained("abcd", top_k=k)
    x = values(4, size=5)
    gates = torch.cat([block.sources[source].gate(x) for source in "abcd"], dim=-1)
    kept = torch.zeros_like(gates).scatter(-1, gates.topk(k, dim=-1).indices, 1.0).view(1, -1, 1, 4, 1)

    def cut(value, locations, weights, sources, backend):
        weights = weights * kept
        return deformable_sample(value, locations, weights / weights.sum(dim=(-2, -1), keepdim=True), sources)

    mine = block.attend(x, x, x).values
    monkeypatch.setattr("fedmtl.models.attention.deformable.deformable_sample", cut)
    block.config = replace(block.config, top_k=4)
    torch.testing.assert_close(mine, block.attend(x, x, x).values)


def test_only_chosen_sources_are_read():
    block = trained("abc", top_k=2)
    with torch.no_grad():
        block.sources["b"].gate.bias.fill_(-50)
    x = values(3).requires_grad_()
    block.attend(x[:, :1].detach(), x, x).values.square().sum().backward()
    assert x.grad.abs().amax(dim=(0, 2, 3, 4)).gt(0).tolist() == [True, False, True]


def test_every_gate_learns():
    block = trained("abcdef", top_k=2).train()
    x = values(6)
    gates = [block.sources[source].gate for source in "abcdef"]
    gathered = block.attend(x, x, x)
    for loss in (gathered.values.square().sum(), gathered.auxiliary):
        grads = torch.autograd.grad(loss, [gate.weight for gate in gates], retain_graph=True)
        assert all(grad.abs().max() > 0 for grad in grads)


def test_the_seed_decides_the_noise_and_evaluation_has_none():
    block = trained("abcd", top_k=2)
    x = values(4)

    def gathered(seed):
        torch.manual_seed(seed)
        return block.attend(x, x, x).values

    assert torch.equal(gathered(0), gathered(1))
    block.train()
    assert torch.equal(gathered(0), gathered(0))
    assert not torch.equal(gathered(0), gathered(1))


def test_a_step_with_a_budget_has_equal_bits_from_run_to_run():
    block = trained("abcd", top_k=2).train()
    x = values(4, size=12)

    def gradients():
        torch.manual_seed(0)
        block.zero_grad()
        gathered = block.attend(x, x, x)
        (gathered.values.square().sum() + gathered.auxiliary).backward()
        return {name: p.grad.clone() for name, p in block.named_parameters() if p.grad is not None}

    first, second = gradients(), gradients()
    assert all(torch.equal(grad, second[name]) for name, grad in first.items())
