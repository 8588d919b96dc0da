import pytest
import torch

from fedmtl.models.attention.gating import choose_sources


def logits(rows=50, sources=6, seed=0):
    return torch.randn(rows, sources, generator=torch.Generator().manual_seed(seed))


def test_the_largest_gates_win_by_hand():
    choice = choose_sources(torch.tensor([[0.0, 2.0, 1.0], [3.0, 0.0, 1.0]]), 2, noisy=False)
    assert [set(row) for row in choice.sources.tolist()] == [{1, 2}, {0, 2}]
    shares = torch.tensor([0.25, 0.25, 0.5])
    probabilities = torch.tensor([[0.0, 2.0, 1.0], [3.0, 0.0, 1.0]]).softmax(dim=1).mean(dim=0)
    torch.testing.assert_close(choice.balance, 3 * (shares * probabilities).sum())


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("k", [1, 3, 6])
def test_no_query_chooses_a_source_twice(k, noisy):
    sources = choose_sources(logits(), k, noisy).sources
    assert sources.shape == (50, k)
    assert all(len(set(row)) == k for row in sources.tolist())


def test_with_noise_one_choice_is_a_draw_from_the_softmax():
    torch.manual_seed(0)
    gates = torch.tensor([0.0, 1.0, 2.0, -1.0])
    drawn = choose_sources(gates.expand(20_000, 4), 1, noisy=True).sources
    shares = drawn.flatten().bincount(minlength=4) / 20_000
    torch.testing.assert_close(shares, gates.softmax(dim=0), atol=0.015, rtol=0)


def test_noise_is_torchs_and_changes_no_probability():
    def draw(seed):
        torch.manual_seed(seed)
        return choose_sources(logits(), 2, noisy=True)

    assert torch.equal(draw(0).sources, draw(0).sources)
    assert not torch.equal(draw(0).sources, draw(1).sources)


def test_without_noise_the_generator_is_left_alone():
    before = torch.get_rng_state()
    choose_sources(logits(), 2, noisy=False)
    assert torch.equal(torch.get_rng_state(), before)


def test_balance_reaches_the_gate_of_a_source_that_nobody_chose():
    gates = torch.tensor([[0.0, 1.0, 2.0]], requires_grad=True)
    choose_sources(gates, 1, noisy=False).balance.backward()
    assert (gates.grad != 0).all()
