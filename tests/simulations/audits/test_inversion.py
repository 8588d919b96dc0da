"""The whole audit, in seconds: a bare update gives its image away; sums and noise do not."""

import numpy as np
import pytest
import torch

from fedmtl.errors import ConfigError
from fedmtl.exchange.layout import Vector
from simulations.audits.inversion import MEAN, Attempt, GradientInversion, nearest_to, summarise, verdict
from simulations.audits.one_step import added_up, smallest, take_steps
from simulations.audits.views import BARE, UNRELATED, View, views
from tests.privacy.audits.inversion.small import small


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    return GradientInversion(images=6).examine(small(), None, tmp_path_factory.mktemp("audit"))


def row_of(found, name):
    return next(row for row in found.rows if row["seen"] == name)


def test_a_bare_update_gives_every_image_away(found):
    assert row_of(found, BARE)["found"] == 6
    assert row_of(found, BARE)["mean"] > 60


@pytest.mark.parametrize("seen", ["whole update, noisy", "sum of 5", "sum of 5, noisy"])
def test_a_sum_of_five_and_noise_give_nothing_away(found, seen):
    row = row_of(found, seen)
    assert row["images"] == 6
    assert row["above floor"] < 1
    assert row["at most"] < 2
    # Rooms are alike: two of them are 20 dB from the mean image, which needs no update.
    assert all(detail[seen] < max(20, detail[MEAN]) for detail in found.details)


def test_there_are_pictures_of_all_that_was_tried(found):
    assert len(found.strips) == 6
    names = [picture.name.split(",")[0] for picture in found.strips[0].pictures]
    assert names[:3] == ["image", MEAN, BARE]
    assert all(picture.uri.startswith("data:image/png") for picture in found.strips[0].pictures)


def test_rows_are_means_over_images_and_excesses_over_each_images_own_floor():
    details = [
        {"client": "a", "image": "1", MEAN: 10.0, BARE: 30.0, UNRELATED: 12.0, "sum of 5": 11.0},
        {"client": "b", "image": "2", MEAN: 14.0, BARE: 18.0, UNRELATED: 8.0, "sum of 5": 15.5},
    ]
    rows = {row["seen"]: row for row in summarise(details)}
    assert rows[BARE] == {
        "seen": BARE, "mean": 24.0, "best": 30.0, "above floor": 11.0, "at most": 18.0, "found": 1, "images": 2,
    }  # fmt: skip
    assert rows["sum of 5"]["above floor"] == (-1 + 1.5) / 2
    assert rows["sum of 5"]["at most"] == 1.5
    assert "1 of 2 images" in verdict(list(rows.values()))
    assert "Something of an image comes out of: sum of 5." in verdict(list(rows.values()))


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    return take_steps(smallest(small()), 6, tmp_path_factory.mktemp("steps"))


def test_an_image_counts_by_the_best_that_comes_out_of_any_sum_it_is_part_of(steps):
    first, second, third = steps[:3]
    sums = [View("sum", {}, [first], [first, second]), View("sum", {}, [second], [second, third])]
    attempts = [Attempt(sums[0], second.truth), Attempt(sums[1], torch.zeros_like(first.truth))]
    assert nearest_to(second, attempts)["sum"] is second.truth
    assert nearest_to(first, attempts)["sum"] is second.truth
    assert not nearest_to(first, attempts)["sum, of others"].any()
    assert not nearest_to(third, attempts)["sum"].any()
    assert nearest_to(steps[3], attempts).keys() == {"sum, of others"}


def test_a_step_is_one_of_plain_descent(steps):
    """The update is −lr times the gradient at the values that the victim's network holds."""
    step = steps[0]
    name, parameter = next(
        (name, p)
        for name, p in step.victim.objective.network.named_parameters()
        if name.endswith("out.weight")
    )
    gradient = step.victim.gradient(step.truth, [name])[name].detach().numpy()
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
    seen = {view.name: view for view in views(steps, 0, 5, 0.5)}
    bare = np.concatenate(list(steps[0].updates.values()))
    noise = np.concatenate(list(seen["whole update, noisy"].updates.values())) - bare
    assert noise.std() == pytest.approx(0.5 * np.linalg.norm(bare), rel=0.02)
    in_sum = np.concatenate(list(seen["sum of 5, noisy"].updates.values()))
    assert in_sum.std() == pytest.approx(0.5 * np.linalg.norm(bare) / 5, rel=0.02)


def test_a_sum_needs_enough_clients_and_no_more_than_there_are_images(tmp_path):
    for together in (2, 7):
        with pytest.raises(ConfigError, match="together"):
            GradientInversion(images=6, together=together).examine(small(), None, tmp_path)
    with pytest.raises(ConfigError, match="training images"):
        take_steps(smallest(small()), 7, tmp_path)
