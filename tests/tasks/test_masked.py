import torch

from fedmtl.tasks.masked import masked_mean, masked_sums


def test_mean_of_the_valid():
    values, valid = torch.tensor([1.0, 5.0, 3.0]), torch.tensor([True, False, True])
    assert masked_mean(values, valid) == 2


def test_what_is_not_valid_gets_no_gradient():
    values = torch.tensor([1.0, 5.0, 3.0], requires_grad=True)
    masked_mean(values, torch.tensor([True, False, True])).backward()
    torch.testing.assert_close(values.grad, torch.tensor([0.5, 0.0, 0.5]))


def test_without_a_valid_value_mean_and_gradient_are_zero():
    values = torch.tensor([1.0, 5.0], requires_grad=True)
    mean = masked_mean(values, torch.tensor([False, False]))
    mean.backward()
    assert mean == 0
    assert torch.equal(values.grad, torch.zeros(2))


def test_sums_are_named_float64_and_skip_what_is_not_valid():
    valid = torch.tensor([True, False, True])
    sums = masked_sums(valid, a=torch.tensor([1.0, torch.nan, 3.0]), b=torch.tensor([True, True, False]))
    assert sums == {"a": 4, "b": 1}
    assert {total.dtype for total in sums.values()} == {torch.float64}
