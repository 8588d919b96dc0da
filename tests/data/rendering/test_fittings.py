import colorsys

import numpy as np
import pytest

from fedmtl.data.rendering import fittings
from fedmtl.data.rendering.material import Material
from fedmtl.data.rendering.style import Palette, Style
from tests.data.rendering.extent import extent

WHITE = (1.0, 1.0, 1.0)


def palette(seed=0):
    return Palette(Style.of(0, "0"), np.random.default_rng(seed))


def saturation(colour):
    return colorsys.rgb_to_hsv(*np.sqrt(colour))[1]


@pytest.mark.parametrize(
    "make",
    [
        lambda p: fittings.hanging_lamp(p, WHITE, 0.5),
        lambda p: fittings.floor_lamp(p, WHITE),
        lambda p: fittings.window(p, WHITE),
        fittings.picture,
        fittings.rug,
        lambda p: fittings.column(p, 2.5, Material(WHITE)),
        lambda p: fittings.ornament(p, vivid=True, large=True),
        lambda p: fittings.ornament(p, vivid=False, large=False),
    ],
)
@pytest.mark.parametrize("seed", range(6))
def test_a_fitting_stays_in_its_box(make, seed):
    thing = make(palette(seed))
    low, high = extent(thing)
    width, depth, height = thing.size
    assert np.all(low >= np.array([-width / 2, -depth / 2, 0.0]) - 0.05)
    assert np.all(high <= np.array([width / 2, depth / 2, height]) + 0.05)


def test_lamps_and_windows_glow():
    for thing in (
        fittings.hanging_lamp(palette(), WHITE, 0.5),
        fittings.floor_lamp(palette(), WHITE),
        fittings.window(palette(), WHITE),
    ):
        assert any(solid.material.glow > 0 for solid in thing.solids)


@pytest.mark.parametrize("seed", range(20))
def test_only_vivid_ornaments_are_saturated(seed):
    vivid = fittings.ornament(palette(seed), vivid=True, large=True)
    dull = fittings.ornament(palette(seed), vivid=False, large=True)
    assert vivid.vivid
    assert not dull.vivid
    assert min(saturation(solid.material.colour) for solid in vivid.solids) > 0.8
    assert max(saturation(solid.material.colour) for solid in dull.solids) < 0.3


def test_rugs_are_floor_and_columns_are_wall():
    assert fittings.rug(palette()).label == "floor"
    assert fittings.column(palette(), 2.5, Material(WHITE)).label == "wall"
