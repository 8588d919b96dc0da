import numpy as np
import pytest

from fedmtl.config import Sampling
from fedmtl.drawing import Draw

NAMES = [f"client-{number:02}" for number in range(10)]


@pytest.mark.parametrize(
    ("fraction", "count"), [(1.0, 10), (0.5, 5), (0.25, 2), (0.01, 1)], ids=["all", "half", "quarter", "one"]
)
def test_a_fixed_number_of_clients_in_their_order(fraction, count):
    draw = Draw(Sampling.fixed, 10, fraction)
    chosen = draw.choose(NAMES, np.random.default_rng(0))
    assert len(set(chosen)) == len(chosen) == count == draw.count
    assert chosen == sorted(chosen)
    assert draw.rate == count / 10


def test_each_client_by_itself_which_may_be_nobody():
    draw, generator = Draw(Sampling.poisson, 10, 0.2), np.random.default_rng(0)
    rounds = [draw.choose(NAMES, generator) for _ in range(2000)]
    assert [] in rounds
    assert all(chosen == sorted(set(chosen)) for chosen in rounds)
    sizes = [len(chosen) for chosen in rounds]
    assert np.mean(sizes) == pytest.approx(2.0, abs=0.15)
    assert np.var(sizes) == pytest.approx(10 * 0.2 * 0.8, abs=0.25)  # a fixed number has none
    both = np.mean([{NAMES[0], NAMES[7]} <= set(chosen) for chosen in rounds])
    assert both == pytest.approx(0.04, abs=0.015)
    assert draw.rate == 0.2


def test_with_fraction_1_everybody_is_drawn():
    assert Draw(Sampling.poisson, 10, 1.0).choose(NAMES, np.random.default_rng(0)) == NAMES
