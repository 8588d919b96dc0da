"""The whole audit, in seconds: a bare update gives its image away; sums and noise do not."""

import numpy as np
import pytest

from fedmtl.errors import ConfigError
from fedmtl.exchange.layout import Vector
from simulations.audits.inversion import GradientInversion
from simulations.audits.inversion_table import MEAN
from simulations.audits.one_step import added_up, smallest, take_steps
from simulations.audits.views import BARE, views
from tests.privacy.audits.inversion.small import small


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return GradientInversion(images=10).examine(small(), None, tmp_path_factory.mktemp("audit"))


def row_of(found, name):
    return next(row for row in found.rows if row["seen"] == name)


def test_a_bare_update_gives_every_image_away(found):
    assert row_of(found, BARE)["found"] == 10
    assert row_of(found, BARE)["mean"] > 60


@pytest.mark.parametrize("seen", ["whole update, noisy", "sum of 5", "sum of 5, noisy"])
def test_a_sum_of_five_and_noise_give_nothing_away(found, seen):
    row = row_of(found, seen)
    assert row["images"] == 10
    assert row["above floor"] < 1
    assert row["at most"] < 2
    assert row["nearest: above floor"] < 1
    assert row["nearest: at most"] < 2
    assert row["tries"] == (5 if "sum" in seen else 1)
    # Rooms are alike: two of them are 20 dB from the mean image, which needs no update.
    assert all(detail[seen] < max(20, detail[MEAN]) for detail in found.details)


def test_there_are_pictures_of_all_that_was_tried(found):
    assert len(found.strips) == 10
    names = [picture.name.split(",")[0] for picture in found.strips[0].pictures]
    assert names[:3] == ["image", MEAN, BARE]
    assert all(picture.uri.startswith("data:image/png") for picture in found.strips[0].pictures)


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    return take_steps(smallest(small()), 8, tmp_path_factory.mktemp("steps"))


def test_a_step_is_one_of_plain_descent(steps):
    """The update is −lr times the gradient at the values that the victim's network holds."""
    step = steps[0]
    name, parameter = next(
        (name, p)
        for name, p in step.victim.objective.network.named_parameters()
        if name.endswith("out.weight")
    )
    gradient = step.victim.gradients(step.truth[None], [name], step.victim.targets)[name][0].numpy()
    group = next(g for g, layout in step.vectors.layouts.items() if name in {e.name for e in layout.entries})
    moved = step.vectors.layouts[group].split(step.updates[group])[name]
    np.testing.assert_allclose(moved, -0.1 * gradient, rtol=1e-3, atol=1e-6)
    assert parameter.shape == moved.shape


def test_a_sum_is_the_mean_over_holders_and_leaves_small_groups_at_home(steps):
    members = steps[:4]
    added = added_up(members, 3)
    for group, vector in added.items():
        expected: Vector = np.mean([step.updates[group] for step in members], axis=0)
        np.testing.assert_allclose(vector, expected, rtol=1e-4, atol=1e-8)
    assert added_up(members, 5) == {}


def test_noise_is_of_the_size_that_the_clipping_norm_and_epsilon_ask_for(steps):
    seen = {view.name: view for view in views(steps, 0, 4, 0.5)}
    bare = np.concatenate(list(steps[0].updates.values()))
    noise = np.concatenate(list(seen["whole update, noisy"].updates.values())) - bare
    assert noise.std() == pytest.approx(0.5 * np.linalg.norm(bare), rel=0.02)
    in_sum = np.concatenate(list(seen["sum of 4, noisy"].updates.values()))
    assert in_sum.std() == pytest.approx(0.5 * np.linalg.norm(bare) / 4, rel=0.02)


def test_what_is_unrelated_is_of_the_same_kind_and_has_nothing_of_the_image(steps):
    for view in views(steps, 6, 4, 0.5):
        assert view.unrelated.keys() == view.updates.keys()
        assert view.of[0] is steps[6]
    seen = {view.name: view for view in views(steps, 6, 4, 0.0)}
    assert [step.client for step in seen["sum of 4"].within] == [steps[i].client for i in (6, 7, 0, 1)]
    expected = added_up([steps[i] for i in (2, 3, 4, 5)], 3)
    for name in ("sum of 4", "sum of 4, all at once"):
        for group, vector in seen[name].unrelated.items():
            np.testing.assert_array_equal(vector, expected[group])
    assert any(seen[BARE].unrelated is step.updates for step in steps if step is not steps[6])


def test_a_sum_needs_enough_clients_and_as_many_others(tmp_path):
    for together in (2, 4):
        with pytest.raises(ConfigError, match="together"):
            GradientInversion(images=6, together=together).examine(small(), None, tmp_path)
    with pytest.raises(ConfigError, match="training images"):
        take_steps(smallest(small()), 11, tmp_path)
