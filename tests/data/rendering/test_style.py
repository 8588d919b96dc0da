import colorsys
from itertools import pairwise

import numpy as np
import pytest

from fedmtl.data.rendering.style import Palette, Style


def palette(seed=0, site="0"):
    return Palette(Style.of(0, site), np.random.default_rng(seed))


def saturation(colour):
    return colorsys.rgb_to_hsv(*np.sqrt(colour))[1]


def test_a_style_belongs_to_seed_and_site():
    assert Style.of(0, "1") == Style.of(0, "1")
    styles = [Style.of(0, "0"), Style.of(0, "1"), Style.of(1, "0")]
    assert all(one.wall != other.wall and one.lens != other.lens for one, other in pairwise(styles))


def test_odds_are_odds():
    style = Style.of(0, "0")
    for odds in (style.floors, style.room_types):
        assert len(odds) == 4
        assert sum(odds) == pytest.approx(1.0)
        assert min(odds) >= 0


def test_pick_follows_the_odds():
    drawing = palette()
    counts = np.bincount([drawing.pick((0.2, 0.0, 0.5, 0.3)) for _ in range(4000)], minlength=4)
    assert counts / 4000 == pytest.approx([0.2, 0.0, 0.5, 0.3], abs=0.03)


def test_pick_survives_odds_that_sum_to_less_than_one():
    drawing = palette()
    assert {drawing.pick((0.0, 0.0)) for _ in range(5)} == {1}


@pytest.mark.parametrize(
    "name", ["wood", "fabric", "linen", "lacquer", "metal", "clay", "walls", "ceiling", "floor", "print"]
)
def test_furnishings_are_never_as_saturated_as_what_is_salient(name):
    for site in "0123":
        drawing = palette(site=site)
        for _ in range(20):
            material = getattr(drawing, name)()
            assert saturation(material.colour) <= 0.6 + 1e-9
            assert all(0 <= band <= 1 for band in (*material.colour, *material.other))
    assert all(saturation(palette(seed).vivid().colour) > 0.8 for seed in range(20))


def test_the_rooms_of_a_site_are_alike():
    def walls(site):
        return np.array([palette(seed, site).walls().colour for seed in range(30)])

    one, other = walls("0"), walls("1")
    assert np.linalg.norm(one.mean(axis=0) - other.mean(axis=0)) > 2 * one.std(axis=0).max()


def test_lamp_light_is_warm_or_white():
    for seed in range(20):
        red, green, blue = palette(seed).lamp_light()
        assert red >= green >= blue > 0
