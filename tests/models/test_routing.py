import pytest
import torch

from fedmtl.models.routing import Gate, balance_loss, route


def test_a_row_by_hand():
    routing = route(torch.tensor([[0.0, 1.0, 2.0]]), k=2)
    kept = torch.exp(torch.tensor([1.0, 2.0]))
    torch.testing.assert_close(routing.gates, torch.tensor([[0.0, *(kept / kept.sum())]]))
    probabilities = torch.tensor([0.0, 1.0, 2.0]).softmax(0)
    torch.testing.assert_close(routing.balance, 3 * (0.5 * probabilities[1] + 0.5 * probabilities[2]))
    torch.testing.assert_close(routing.z, torch.logsumexp(torch.tensor([0.0, 1.0, 2.0]), 0).square())


@pytest.mark.parametrize(("experts", "k"), [(1, 2), (2, 2), (5, 1), (5, 2), (5, 9)])
def test_gates_keep_the_k_largest_and_sum_to_one(experts, k):
    logits = torch.randn(7, experts, generator=torch.Generator().manual_seed(0))
    gates = route(logits, k).gates
    assert (gates > 0).sum(dim=1).tolist() == [min(k, experts)] * 7
    torch.testing.assert_close(gates.sum(dim=1), torch.ones(7))
    assert torch.equal(gates.argmax(dim=1), logits.argmax(dim=1))


def test_balance_is_one_when_even_and_the_number_of_experts_when_all_go_to_one():
    even = 30 * torch.eye(4)
    assert route(even, 1).balance.item() == pytest.approx(1)
    assert route(even[[0, 0, 0, 0]], 1).balance.item() == pytest.approx(4)


def test_balance_by_hand():
    probabilities = torch.tensor([[0.5, 0.5, 0.0], [0.1, 0.3, 0.6]])
    share = torch.tensor([0.25, 0.5, 0.25])
    assert balance_loss(probabilities, share).item() == pytest.approx(3 * (0.075 + 0.2 + 0.075))


def test_permuting_experts_permutes_gates_only():
    logits = torch.randn(6, 4, generator=torch.Generator().manual_seed(1))
    order = [2, 0, 3, 1]
    routing, permuted = route(logits, 2), route(logits[:, order], 2)
    torch.testing.assert_close(permuted.gates, routing.gates[:, order])
    torch.testing.assert_close(permuted.balance, routing.balance)
    torch.testing.assert_close(permuted.z, routing.z)


def test_gradients_reach_the_logits_of_experts_that_were_not_chosen():
    logits = torch.tensor([[0.0, 1.0, 2.0]], requires_grad=True)
    routing = route(logits, 1)
    (routing.balance + routing.z).backward()
    assert (logits.grad != 0).all()


def test_a_gate_is_one_row_a_level():
    gate = Gate([3, 5], "router/depth/semseg")
    pooled = [torch.rand(2, 3), torch.rand(2, 5)]
    logits = gate(pooled)
    torch.testing.assert_close(logits[1], pooled[1] @ gate.rows[1])
    assert [logit.shape for logit in logits] == [(2,), (2,)]
