"""What each attack makes of a bare update, and of one that it cannot use."""

import pytest
import torch

from fedmtl.privacy.audits.inversion import INVERSIONS
from fedmtl.privacy.audits.inversion.base import mean_gradient
from fedmtl.privacy.audits.inversion.cosine import Cosine, cosine_distance
from fedmtl.privacy.audits.inversion.euclidean import Euclidean, squared_distance
from fedmtl.privacy.audits.inversion.patches import Patches
from fedmtl.privacy.audits.inversion.victim import gradient_of
from fedmtl.privacy.audits.quality import psnr
from simulations.audits.one_step import smallest, take_steps
from tests.privacy.audits.inversion.small import CONVOLUTIONS, small


def attacked(folder, *overrides):
    """A client's step, and the gradient that its update gives away."""
    scenario = smallest(small(*overrides))
    (step,) = take_steps(scenario, 1, folder)
    return step, gradient_of(step.updates, step.vectors, scenario.training.lr)


@pytest.fixture(scope="module")
def transformer(tmp_path_factory):
    return attacked(tmp_path_factory.mktemp("transformer"))


@pytest.fixture(scope="module")
def convolutions(tmp_path_factory):
    return attacked(tmp_path_factory.mktemp("convolutions"), *CONVOLUTIONS)


@pytest.mark.parametrize("model", ["transformer", "convolutions"])
def test_the_attacker_computes_what_the_client_did(model, request):
    """At the true image, gradients are those of the update, up to the rounding of weights."""
    step, observed = request.getfixturevalue(model)
    gradient = mean_gradient([step.victim], step.truth[None], observed)
    assert float(squared_distance(gradient, observed).detach()) < 1e-3
    assert float(cosine_distance(gradient, observed).detach()) < 1e-3


def test_the_image_of_a_transformers_update_follows_exactly(transformer):
    step, observed = transformer
    found = Patches().reconstruct([step.victim], observed, seed=0)
    assert psnr(found.images[0], step.truth) > 60
    assert found.distance < 1e-3


def test_the_closed_form_needs_patches_places_and_a_single_client(transformer, convolutions):
    step, observed = transformer
    assert Patches().applies([step.victim], observed)
    assert not Patches().applies([step.victim, step.victim], observed)
    heads = {name: value for name, value in observed.items() if name.startswith("heads.")}
    assert heads
    assert not Patches().applies([step.victim], heads)
    assert not Patches().applies([convolutions[0].victim], convolutions[1])


@pytest.mark.parametrize("attack", [Cosine, Euclidean])
def test_a_search_comes_nearer_to_the_gradient(convolutions, attack):
    step, observed = convolutions
    before = attack(restarts=1, steps=1).reconstruct([step.victim], observed, seed=0)
    found = attack(restarts=1, steps=15).reconstruct([step.victim], observed, seed=0)
    assert found.distance < before.distance / 3
    assert found.images.min() >= 0
    assert found.images.max() <= 1


def test_the_distance_alone_decides_between_restarts(convolutions):
    step, observed = convolutions
    both = Cosine(restarts=2, steps=3).reconstruct([step.victim], observed, seed=1)
    one = Cosine(restarts=1, steps=3).reconstruct([step.victim], observed, seed=1)
    assert both.distance <= one.distance


def test_what_rounding_drowns_is_not_taken_for_a_gradient(convolutions):
    """A layer's scale of 1e-6 leaves the weights behind it all but where they were."""
    step, observed = convolutions
    drowned = "backbone.body.stages_0.blocks.0.mlp.fc1.weight"
    assert drowned in dict(step.victim.objective.network.named_parameters())
    assert drowned not in observed
    assert "backbone.body.stem_0.weight" in observed


def test_several_images_are_searched_for_at_once(convolutions):
    step, observed = convolutions
    found = Cosine(restarts=1, steps=2).reconstruct([step.victim, step.victim], observed, seed=0)
    assert found.images.shape == (2, *step.truth.shape)
    same = mean_gradient([step.victim, step.victim], torch.stack([step.truth] * 2), observed)
    assert float(squared_distance(same, observed).detach()) < 1e-3


def test_attacks_are_found_by_name():
    assert set(INVERSIONS) >= {"cosine", "euclidean", "patches"}
    assert INVERSIONS.build("cosine", {"restarts": 2}, "options") == Cosine(restarts=2)
