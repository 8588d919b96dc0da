import pytest
import torch

from fedmtl.data import Batch
from fedmtl.errors import TrainingError
from fedmtl.training.losses import CHECK_EVERY, LossAccount


def batch(ids, depth, semseg):
    labelled = {"depth": torch.tensor(depth), "semseg": torch.tensor(semseg)}
    return Batch(torch.zeros(len(ids), 3, 1, 1), {}, labelled, list(ids))


def losses(depth, semseg):
    return {"depth": torch.tensor(depth), "semseg": torch.tensor(semseg)}


@pytest.fixture
def account():
    return LossAccount(["depth", "semseg"], "round 2 of 'a'")


def test_sums_weight_a_batch_by_its_labelled_images(account):
    account.add(batch("ab", [True, False], [True, True]), losses(1.5, 2.0), torch.tensor(3.5))
    account.add(batch("bc", [False, False], [True, False]), losses(0.0, 5.0), torch.tensor(5.0))
    account.add(batch("a", [True], [False]), losses(0.25, 0.0), torch.tensor(0.25))
    account.settle()
    assert account.sums == {"depth": 1.75, "semseg": 9.0}
    assert account.counts == {"depth": 2, "semseg": 3}
    assert account.images == {"a", "b", "c"}
    assert account.labelled == {"depth": {"a"}, "semseg": {"a", "b"}}


def test_settling_twice_counts_once(account):
    account.add(batch("a", [True], [True]), losses(1.0, 1.0), torch.tensor(2.0))
    account.settle()
    account.settle()
    assert account.counts == {"depth": 1, "semseg": 1}


def test_losses_are_kept_without_their_graph(account):
    value = torch.tensor(1.0, requires_grad=True) * 2
    account.add(batch("a", [True], [True]), {"depth": value, "semseg": value}, value)
    account.settle()
    assert account.sums == {"depth": 2.0, "semseg": 2.0}


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("which", ["depth", "semseg", "total"])
def test_a_loss_that_is_not_finite_names_its_task_and_images(account, value, which):
    values = {"depth": 1.0, "semseg": 1.0, "total": 2.0, which: value}
    account.add(batch("xy", [True, True], [True, True]), losses(1.0, 1.0), torch.tensor(2.0))
    terms = losses(values["depth"], values["semseg"])
    account.add(batch("ab", [True, True], [True, True]), terms, torch.tensor(values["total"]))
    with pytest.raises(TrainingError, match=f"round 2 of 'a': the loss of '{which}' .* images a, b; check"):
        account.settle()


def test_it_looks_by_itself_after_some_batches(account):
    account.add(batch("a", [True], [True]), losses(torch.nan, 1.0), torch.tensor(torch.nan))
    for _ in range(CHECK_EVERY - 2):
        account.add(batch("b", [True], [True]), losses(1.0, 1.0), torch.tensor(2.0))
    with pytest.raises(TrainingError, match="images a;"):
        account.add(batch("b", [True], [True]), losses(1.0, 1.0), torch.tensor(2.0))
