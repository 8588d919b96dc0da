import numpy as np
import pytest

from fedmtl.data.rendering import furniture
from fedmtl.data.rendering.scene import CLASSES
from fedmtl.data.rendering.style import Palette, Style
from tests.data.rendering.extent import extent

MAKERS = {
    "table": furniture.table,
    "coffee_table": furniture.coffee_table,
    "desk": furniture.desk,
    "chair": furniture.chair,
    "swivel_chair": furniture.swivel_chair,
    "sofa": furniture.sofa,
    "armchair": furniture.armchair,
    "bed": furniture.bed,
    "wardrobe": furniture.wardrobe,
    "sideboard": furniture.sideboard,
    "nightstand": furniture.nightstand,
    "kitchen_unit": lambda palette: furniture.kitchen_unit(palette, palette.lacquer(), palette.wood()),
    "fridge": furniture.fridge,
    "shelf": furniture.shelf,
}


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("seed", range(4))
def test_a_piece_fills_its_box_and_stays_in_it(name, seed):
    thing = MAKERS[name](Palette(Style.of(0, "0"), np.random.default_rng(seed)))
    low, high = extent(thing)
    width, depth, height = thing.size
    assert np.all(low >= np.array([-width / 2, -depth / 2, 0.0]) - 0.02)
    assert np.all(high <= np.array([width / 2, depth / 2, height]) + 0.02)
    assert np.all(high - low >= 0.85 * np.array(thing.size))
    assert low[2] < 0.06, "it stands on the floor"
    assert thing.label in CLASSES


@pytest.mark.parametrize("name", ["table", "coffee_table", "sideboard", "nightstand"])
def test_flat_tops_are_as_high_as_the_piece(name):
    thing = MAKERS[name](Palette(Style.of(0, "0"), np.random.default_rng(0)))
    assert thing.top == pytest.approx(extent(thing)[1][2])


@pytest.mark.parametrize("name", ["wardrobe", "bed", "sofa", "desk", "shelf"])
def test_nothing_is_put_on_other_pieces(name):
    assert MAKERS[name](Palette(Style.of(0, "0"), np.random.default_rng(0))).top == 0


def test_pieces_vary():
    palette = Palette(Style.of(0, "0"), np.random.default_rng(0))
    assert len({furniture.table(palette).size for _ in range(10)}) == 10
