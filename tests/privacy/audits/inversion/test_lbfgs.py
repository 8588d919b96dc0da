"""Many minimisations at once: each finds its own minimum, and none disturbs another."""

import torch

from fedmtl.privacy.audits.inversion.lbfgs import Lbfgs

CENTRES = torch.tensor([[1.0, -2.0, 3.0], [0.0, 0.5, 0.0], [-4.0, 0.0, 2.0]])
CURVATURES = torch.tensor([[1.0, 100.0, 10.0], [1.0, 1.0, 1.0], [0.1, 5.0, 50.0]])


def bowls(x, rows=slice(None)):
    """Quadratic, a minimum for each row, with curvatures that differ a hundredfold."""
    away = x - CENTRES[rows]
    return (CURVATURES[rows] * away.square()).sum(dim=1) / 2, CURVATURES[rows] * away


def rosenbrock(x):
    a, b = x.unbind(dim=1)
    value = (1 - a).square() + 100 * (b - a * a).square()
    by_a = -2 * (1 - a) - 400 * a * (b - a * a)
    return value, torch.stack([by_a, 200 * (b - a * a)], dim=1)


def test_each_row_finds_its_own_minimum():
    descent = Lbfgs(torch.zeros(3, 3), history=10)
    descent.advance(bowls, 60)
    torch.testing.assert_close(descent.x, CENTRES, atol=1e-2, rtol=0)


def test_a_bent_valley_is_followed_to_its_end():
    descent = Lbfgs(torch.tensor([[-1.2, 1.0], [0.0, 0.0]]), history=10)
    descent.advance(rosenbrock, 150)
    torch.testing.assert_close(descent.x, torch.ones(2, 2), atol=1e-2, rtol=0)


def test_rows_go_on_as_if_they_were_alone():
    together, alone = Lbfgs(torch.zeros(3, 3), history=5), Lbfgs(torch.zeros(1, 3), history=5)
    together.advance(bowls, 5)
    together.keep(torch.tensor([2]))
    together.advance(lambda x: bowls(x, [2]), 3)
    alone.advance(lambda x: bowls(x, [2]), 8)
    torch.testing.assert_close(together.x, alone.x)


def test_a_value_never_rises_and_what_is_no_number_is_not_taken():
    def broken(x):
        value, slope = bowls(x, [0])
        return torch.where(x[:, 0] > 0.02, torch.nan, value), slope

    descent = Lbfgs(torch.zeros(1, 3), history=5)
    values = []
    for _ in range(20):
        descent.advance(broken, 1)
        values.append(float(broken(descent.x)[0]))
    assert values == sorted(values, reverse=True)
    assert values[-1] < values[0]
