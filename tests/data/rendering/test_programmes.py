from itertools import combinations

import numpy as np
import pytest

from fedmtl.data.rendering.floorplan import FloorPlan, bounds
from fedmtl.data.rendering.programmes import PROGRAMMES
from fedmtl.data.rendering.scene import ROOM_TYPES
from fedmtl.data.rendering.style import Palette, Style

MARKS = {"bedroom": "bed", "kitchen": "cabinet", "living_room": "sofa", "office": "table"}


def furnish(room_type, seed, size=(3.2, 3.2, 2.35)):
    rng = np.random.default_rng(seed)
    plan = FloorPlan(size, rng)
    return plan, PROGRAMMES[room_type](plan, Palette(Style.of(0, "0"), rng))


def test_every_room_type_has_a_programme():
    assert tuple(PROGRAMMES) == ROOM_TYPES


@pytest.mark.parametrize("room_type", ROOM_TYPES)
@pytest.mark.parametrize("seed", range(8))
def test_the_smallest_room_holds_what_makes_it(room_type, seed):
    plan, anchor = furnish(room_type, seed)
    assert anchor in plan.placed
    assert anchor.thing.label == MARKS[room_type]
    labels = {placed.thing.label for placed in plan.placed}
    assert ("bed" in labels) == (room_type == "bedroom")
    assert ("sofa" in labels) == (room_type == "living_room")


@pytest.mark.parametrize("room_type", ROOM_TYPES)
@pytest.mark.parametrize("seed", range(8))
def test_no_piece_stands_in_another(room_type, seed):
    plan, _ = furnish(room_type, seed, (4.5, 4.0, 2.6))
    boxes = [np.array(bounds(placed)).reshape(2, 3) for placed in plan.placed]
    for one, other in combinations(boxes, 2):
        assert np.any((one[0] > other[1] - 1e-5) | (other[0] > one[1] - 1e-5))
    assert len(boxes) >= 3
