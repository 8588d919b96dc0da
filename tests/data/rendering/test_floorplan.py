import math
from itertools import combinations

import numpy as np
import pytest

from fedmtl.data.rendering.floorplan import WALLS, FloorPlan
from fedmtl.data.rendering.scene import Placed, Thing

SIZE = (4.0, 3.0, 2.5)
CRATE = Thing("cabinet", (), (1.0, 0.5, 0.8), top=0.8)
CUP = Thing("ornament", (), (0.2, 0.2, 0.2))


@pytest.fixture
def plan():
    return FloorPlan(SIZE, np.random.default_rng(0))


def corners(placed):
    """The four corners of the outline, world."""
    cos, sin = math.cos(placed.yaw), math.sin(placed.yaw)
    half = np.array(placed.thing.size[:2]) / 2
    local = np.array([(-1, -1), (-1, 1), (1, -1), (1, 1)]) * half
    return local @ np.array([[cos, sin], [-sin, cos]]) + (placed.x, placed.y)


@pytest.mark.parametrize("wall", WALLS)
@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_at_wall_the_back_touches_it_and_the_front_looks_inwards(plan, wall, share):
    placed = plan.at_wall(CRATE, wall, share)
    outline = corners(placed)
    axis = 0 if wall in ("left", "right") else 1
    gap = outline[:, axis].min() if wall in ("left", "front") else SIZE[axis] - outline[:, axis].max()
    assert gap == pytest.approx(0.0, abs=1e-9)
    assert plan.put(placed)
    front = np.array([-math.sin(placed.yaw), math.cos(placed.yaw)])
    assert front @ (np.array(SIZE[:2]) / 2 - (placed.x, placed.y)) > 0


def test_things_do_not_overlap_and_stay_in_the_room(plan):
    for _ in range(40):
        plan.put_on_floor(CRATE)
        plan.put_at_wall(CRATE)
    assert 4 <= len(plan.placed) < 80
    for placed in plan.placed:
        assert np.all((corners(placed) > -1e-6) & (corners(placed) < np.array(SIZE[:2]) + 1e-6))
    for one, other in combinations(plan.placed, 2):
        a, b = corners(one), corners(other)
        assert np.any((a.min(axis=0) > b.max(axis=0) - 1e-5) | (b.min(axis=0) > a.max(axis=0) - 1e-5))


def test_what_is_taken_is_not_free(plan):
    assert plan.put(Placed(CRATE, 2.0, 1.5, 0.0, 0.0))
    assert plan.put(Placed(CRATE, 2.2, 1.5, 0.0, 0.0)) is None
    assert plan.put(Placed(CRATE, 3.0, 1.5, 0.0, 0.0)), "touching is allowed"
    assert plan.put(Placed(CRATE, 2.2, 1.5, 0.8, 0.0)), "so is standing on top"
    assert plan.put(Placed(CRATE, 2.0, 0.5, 2.0, 0.0)) is None, "through the ceiling"


def test_upon_is_on_the_top_and_within_the_outline(plan):
    support = plan.put(Placed(CRATE, 2.0, 1.5, 0.0, math.pi / 2))
    cups = [plan.put_upon(support, CUP) for _ in range(3)]
    for cup in filter(None, cups):
        assert cup.z == pytest.approx(0.8)
        assert abs(cup.x - 2.0) <= 0.25 - 0.1
        assert abs(cup.y - 1.5) <= 0.5 - 0.1
    assert cups[0]


def test_beside_is_in_the_frame_of_the_anchor(plan):
    anchor = plan.put(Placed(CRATE, 1.0, 1.5, 0.0, -math.pi / 2))
    placed = plan.put_beside(anchor, CUP, (0.0, 1.0), math.pi)
    assert (placed.x, placed.y, placed.yaw) == pytest.approx((2.0, 1.5, math.pi / 2))


def test_a_full_room_takes_no_more():
    plan = FloorPlan((1.0, 0.5, 0.8), np.random.default_rng(0))
    assert plan.put(plan.at_wall(CRATE, "front", 0.5))
    assert plan.put_at_wall(CUP) is None
    assert plan.put_on_floor(CUP) is None


def test_what_is_laid_takes_no_space(plan):
    plan.lay(Placed(CRATE, 2.0, 1.5, 0.0, 0.0))
    assert plan.put(Placed(CRATE, 2.0, 1.5, 0.0, 0.0))
    assert len(plan.placed) == 2
