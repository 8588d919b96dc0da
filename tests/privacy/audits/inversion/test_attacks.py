"""What each attack makes of a bare update, and of one that it cannot use."""

import pytest

from fedmtl.privacy.audits.inversion import INVERSIONS
from fedmtl.privacy.audits.inversion.base import Case
from fedmtl.privacy.audits.inversion.cosine import Cosine, cosine_distances
from fedmtl.privacy.audits.inversion.crowd import Crowd
from fedmtl.privacy.audits.inversion.euclidean import Euclidean, squared_distances
from fedmtl.privacy.audits.inversion.patches import Patches
from fedmtl.privacy.audits.inversion.rows import Rows
from fedmtl.privacy.audits.quality import psnr
from tests.privacy.audits.inversion.small import CONVOLUTIONS, attacked


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
    rows = Rows.of([observed])
    gradient = Crowd.of([[step.victim]]).gradients(step.truth[None, None], observed)
    assert float(squared_distances(gradient, rows)) < 1e-3
    assert float(cosine_distances(gradient, rows)) < 1e-3


def test_the_image_of_a_transformers_update_follows_exactly(transformer):
    step, observed = transformer
    (found,) = Patches().reconstruct([Case([step.victim], observed, 0)])
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
    (before,) = attack(restarts=1, steps=1).reconstruct([Case([step.victim], observed, 0)])
    (found,) = attack(restarts=1, steps=20).reconstruct([Case([step.victim], observed, 0)])
    assert found.distance < before.distance / 3
    assert found.images.min() >= 0
    assert found.images.max() <= 1


def test_what_rounding_drowns_is_not_taken_for_a_gradient(convolutions):
    """A layer's scale of 1e-6 leaves the weights behind it all but where they were."""
    step, observed = convolutions
    drowned = "backbone.body.stages_0.blocks.0.mlp.fc1.weight"
    assert drowned in step.victim.parameters
    assert drowned not in observed
    assert "backbone.body.stem_0.weight" in observed


def test_attacks_are_found_by_name():
    assert set(INVERSIONS) >= {"cosine", "euclidean", "patches"}
    assert INVERSIONS.build("cosine", {"restarts": 2}, "options") == Cosine(restarts=2)
