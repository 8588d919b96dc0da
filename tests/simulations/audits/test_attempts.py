"""Which attempts count for an image, and against which others."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from fedmtl.privacy.audits.inversion.base import Reconstruction
from simulations.audits import attempts
from simulations.audits.attempts import Attempt, attempt, outcomes
from simulations.audits.views import View


def step_of(value, client="a"):
    """A step on an image of one grey."""
    return SimpleNamespace(
        client=client,
        image_id=str(value),
        truth=torch.full((1, 2, 2), value),
        victim=client,
        updates={"g": 0},
    )


def grey(*values):
    return torch.tensor(values).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)


FIRST, SECOND, THIRD = step_of(0.1, "a"), step_of(0.5, "b"), step_of(0.9, "c")


def test_an_image_counts_by_the_nearest_of_all_that_it_is_part_of_and_against_as_many_others():
    of_two, of_others = [FIRST, SECOND], [SECOND, THIRD]
    tried = [
        Attempt(View("sum", {}, {}, of_two, of_two), grey(0.3, 0.7), grey(0.8, 0.2)),
        Attempt(View("sum", {}, {}, of_others, of_others), grey(0.6, 0.45), grey(0.0, 0.55)),
    ]
    first, second = (outcomes(step, tried)["sum"] for step in (FIRST, SECOND))
    assert first.tries == 2
    assert [float(each.mean()) for each in (first.own, first.blank, first.nearest, first.chance)] == (
        pytest.approx([0.3, 0.8, 0.3, 0.2])
    )
    # The second is part of both sums, and comes nearest out of the one where it was looked for as the first.
    assert second.tries == 4
    assert [float(each.mean()) for each in (second.own, second.blank, second.nearest, second.chance)] == (
        pytest.approx([0.6, 0.0, 0.45, 0.55])
    )
    assert outcomes(THIRD, tried) == {}


def test_images_of_one_client_are_told_apart():
    one, other = step_of(0.1), step_of(0.9)
    tried = [Attempt(View("bare", {}, {}, [each], [each]), grey(0.4), None) for each in (one, other)]
    found = outcomes(other, tried)["bare"]
    assert found.tries == 1
    assert found.chance is None
    assert found.blank is None


class Recorded:
    """Applies to what has the parameter `p`, and gives its value as the image of every victim."""

    def __init__(self):
        self.calls = []

    def applies(self, victims, observed):
        return "p" in observed

    def reconstruct(self, cases):
        self.calls += [(len(case.victims), case.seed) for case in cases]
        for victims, observed, _ in cases:
            yield Reconstruction(grey(*[float(observed["p"])] * len(victims)), 0.0)


def test_all_is_attacked_that_can_be_from_the_same_beginnings(monkeypatch):
    monkeypatch.setattr(attempts, "observed", lambda updates, of, lr: updates)
    alone, both = [FIRST], [FIRST, SECOND]
    seen = [
        View("bare", {"p": np.float32(0.1)}, {"p": np.float32(0.2)}, alone, alone),
        View("heads", {}, {"p": np.float32(0.3)}, alone, alone),
        View("sum", {"p": np.float32(0.4)}, {}, alone, both),
        View("at once", {"p": np.float32(0.5)}, {"p": np.float32(0.6)}, both, both),
    ]
    attack = Recorded()
    found = {each.view.name: each for each in attempt(attack, seen, 0.1, seed=7)}
    assert [count for count, _ in attack.calls] == [1, 1, 1, 2, 2]
    assert len({seed for count, seed in attack.calls if count == 1}) == 1
    assert found.keys() == {"bare", "sum", "at once"}
    assert float(found["bare"].unrelated.mean()) == pytest.approx(0.2)
    assert found["sum"].unrelated is None
    assert found["at once"].found.shape == (2, 1, 2, 2)
