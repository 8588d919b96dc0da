"""Which of several models is best: by hand, and as an order."""

import itertools
import math
import random

import pytest

from fedmtl.tasks.delta import delta_mtl
from fedmtl.tasks.rank import rank

BETTER = {"semseg": True, "depth": False}
VALUES = (0.0, 0.3, 0.5, 40.0, None, math.nan, math.inf)


def of(semseg, depth):
    return rank({"semseg": semseg, "depth": depth}, BETTER)


def test_it_is_the_mean_log_with_the_sign_of_what_is_better():
    assert of(40.0, 0.5) == (2, 0, pytest.approx((math.log(40) - math.log(0.5)) / 2))


def test_a_gain_of_one_task_has_to_outweigh_the_loss_of_another():
    assert of(44.0, 0.5) > of(40.0, 0.5)
    assert of(40.0, 0.45) > of(40.0, 0.5)
    assert of(44.0, 0.54) > of(40.0, 0.5)  # 1.10 / 1.08
    assert of(44.0, 0.56) < of(40.0, 0.5)  # 1.10 / 1.12
    assert of(80.0, 1.0).mean_log == pytest.approx(of(40.0, 0.5).mean_log)  # twice as good and half as good


@pytest.mark.parametrize("missing", [None, math.nan, math.inf])
def test_of_fewer_tasks_it_is_lower(missing):
    assert of(1.0, 9.0) > of(90.0, missing)
    assert of(90.0, missing) == rank({"semseg": 90.0}, BETTER)
    assert of(missing, missing) == (0, 0, 0.0)
    assert rank({}, BETTER).measured == 0


def test_zero_is_smaller_than_anything():
    assert of(1e-9, 9.0) > of(0.0, 0.1)
    assert of(0.1, 0.0) > of(90.0, 1e-9)
    assert of(0.0, 0.1) > of(0.0, 0.2)  # the other task decides
    assert of(0.0, 0.0)[:2] == (2, 0)


def test_tasks_of_others_do_not_count():
    assert rank({"semseg": 40.0, "depth": 0.5, "edge": 99.0}, BETTER) == of(40.0, 0.5)


def test_the_best_of_many_is_the_same_in_every_order():
    """Unlike with relative changes, which are from one of the two."""
    models = list(itertools.product(VALUES, VALUES))
    best = max(of(*model) for model in models)
    for seed in range(20):
        random.Random(seed).shuffle(models)
        kept = models[0]
        for model in models[1:]:
            kept = model if of(*model) > of(*kept) else kept
        assert of(*kept) == best


def test_two_models_are_never_better_than_each_other():
    """By Δ_MTL each of these two is, which is why it is no order."""
    one, other, up = {"x": 1.0, "y": 2.0}, {"x": 2.0, "y": 1.0}, {"x": True, "y": True}
    assert delta_mtl(one, other, up) > 0
    assert delta_mtl(other, one, up) > 0
    assert rank(one, up) == rank(other, up)


def test_the_order_of_tasks_changes_no_bit():
    values = {name: random.Random(name).uniform(0.1, 99) for name in "abcdefgh"}
    better = dict.fromkeys(values, True)
    ranks = {
        rank(dict(items), better) for items in itertools.islice(itertools.permutations(values.items()), 50)
    }
    ranks |= {rank(values, dict(reversed(better.items())))}
    assert len(ranks) == 1
