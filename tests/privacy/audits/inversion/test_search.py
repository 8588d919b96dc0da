"""Attempts side by side: each is what it would be alone."""

from dataclasses import dataclass, replace

import pytest
import torch

from fedmtl.privacy.audits.inversion.base import Case
from fedmtl.privacy.audits.inversion.crowd import Crowd
from fedmtl.privacy.audits.inversion.euclidean import Euclidean
from fedmtl.privacy.audits.inversion.rows import Rows
from fedmtl.privacy.audits.inversion.signed_adam import SignedAdam
from tests.privacy.audits.inversion.small import CONVOLUTIONS, attacked


@pytest.fixture(scope="module")
def convolutions(tmp_path_factory):
    return attacked(tmp_path_factory.mktemp("convolutions"), *CONVOLUTIONS)


def relabelled(victim):
    """The same but for its labels."""
    return replace(victim, targets={task: target.roll(3, dims=-1) for task, target in victim.targets.items()})


def test_two_observations_are_attacked_as_each_alone(convolutions):
    step, observed = convolutions
    heads = {name: value for name, value in observed.items() if name.startswith("heads.")}
    attack = Euclidean(restarts=2, trial=2, steps=4)
    cases = [
        Case([step.victim], observed, 0),
        Case([step.victim, step.victim], observed, 0),
        Case([step.victim], heads, 1),
    ]
    for found, case in zip(attack.reconstruct(cases), cases, strict=True):
        (alone,) = attack.reconstruct([case])
        assert found.images.shape == (len(case.victims), *step.truth.shape)
        torch.testing.assert_close(found.images, alone.images, rtol=0, atol=1e-3)
        assert found.distance == pytest.approx(alone.distance, rel=1e-2)


def test_the_gradient_of_several_is_the_mean_of_each_ones(convolutions):
    step, observed = convolutions
    victims = [step.victim, relabelled(step.victim)]
    images = torch.rand(3, 2, *step.truth.shape, generator=torch.Generator().manual_seed(0))
    both = Crowd.of([victims] * 3).gradients(images, observed)
    first, second = (
        Crowd.of([[one]] * 3).gradients(images[:, [i]], observed) for i, one in enumerate(victims)
    )
    for name, gradient in both.items():
        scale = float(gradient.abs().max())
        torch.testing.assert_close(gradient, (first[name] + second[name]) / 2, rtol=0, atol=1e-4 * scale)


def test_victims_that_differ_in_labels_alone_are_computed_together(convolutions, tmp_path):
    victim = convolutions[0].victim
    other = attacked(tmp_path, *CONVOLUTIONS, "seed=1")[0].victim
    crowd = Crowd.of([[victim, other], [relabelled(victim), victim]])
    assert crowd.size == 2
    assert [part.places.tolist() for part in crowd.parts] == [[0, 2, 3], [1]]
    assert torch.equal(crowd.parts[0].targets["semseg"][1:2], relabelled(victim).targets["semseg"])


@dataclass(frozen=True)
class Traced(Euclidean):
    """Notes how many rows each evaluation has."""

    def distances(self, gradients, rows):
        counts.append(len(next(iter(rows.values.values()))))
        return super().distances(gradients, rows)


counts: list[int] = []


def test_after_the_trial_the_nearest_beginning_goes_on_alone(convolutions):
    step, observed = convolutions
    counts.clear()
    list(
        Traced(restarts=3, trial=2, steps=4).reconstruct(
            [Case([step.victim], observed, seed) for seed in (0, 1)]
        )
    )
    # Two steps and the choice of all beginnings, then two steps and the result of those that were chosen.
    assert counts == [6, 6, 6, 2, 2, 2]


def test_the_distance_decides_which_beginning_goes_on(convolutions):
    step, observed = convolutions
    (several,) = Euclidean(restarts=3, trial=3, steps=3).reconstruct([Case([step.victim], observed, 1)])
    (one,) = Euclidean(restarts=1, trial=3, steps=3).reconstruct([Case([step.victim], observed, 1)])
    assert several.distance <= one.distance * 1.001


def test_a_row_is_judged_by_what_it_sees():
    rows = Rows.of([{"a": torch.ones(2), "b": torch.ones(3)}, {"b": torch.zeros(3)}])
    terms = {"a": torch.tensor([1.0, 5.0]), "b": torch.tensor([2.0, 3.0])}
    assert rows.mean(terms).tolist() == [1.5, 3.0]
    assert rows.take(torch.tensor([1, 1])).mean(terms).tolist() == [2.0, 3.0]
    assert rows.values["a"].tolist() == [[1.0, 1.0], [0.0, 0.0]]


def test_signed_adam_takes_steps_of_one_length_within_bounds():
    descent = SignedAdam(torch.tensor([[0.5, 0.5], [0.05, 0.5]]), lr=0.1, steps=100)
    descent.advance(lambda x: (x.sum(dim=1), torch.tensor([[1.0, 1e-6], [1.0, -1e6]])), 1)
    torch.testing.assert_close(descent.x, torch.tensor([[0.4, 0.4], [0.0, 0.6]]))
    descent.keep(torch.tensor([1]))
    descent.advance(lambda x: (x.sum(dim=1), 2 * (x - 0.3)), 99)
    torch.testing.assert_close(descent.x, torch.full((1, 2), 0.3), atol=0.01, rtol=0)
