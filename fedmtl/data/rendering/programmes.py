"""What stands in each type of room."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from fedmtl.data.rendering import furniture
from fedmtl.data.rendering.floorplan import WALLS, FloorPlan
from fedmtl.data.rendering.scene import Placed, Thing
from fedmtl.data.rendering.style import Palette

UNIT = 0.6
"""Width of a kitchen unit, metres."""
Programme = Callable[[FloorPlan, Palette], Placed]
"""Furnishes a room, and returns the piece that makes the room what it is."""


def _bedroom(plan: FloorPlan, palette: Palette) -> Placed:
    rng = plan.rng
    bed = _first(plan, furniture.bed(palette))
    for side in (-1, 1):
        stand = furniture.nightstand(palette)
        x = (bed.thing.size[0] + stand.size[0]) / 2 + 0.05
        y = (stand.size[1] - bed.thing.size[1]) / 2
        plan.put_beside(bed, stand, (side * x, y))
    plan.put_at_wall(furniture.wardrobe(palette))
    if rng.uniform() < 0.5:
        plan.put_at_wall(furniture.chair(palette))
    if rng.uniform() < 0.5:
        plan.put_at_wall(furniture.sideboard(palette))
    return bed


def _kitchen(plan: FloorPlan, palette: Palette) -> Placed:
    rng = plan.rng
    front, top = palette.lacquer(), palette.wood()
    wall = WALLS[rng.integers(4)]
    length = plan.length(wall)
    units = int(rng.integers(3, int(length / UNIT) + 1))
    first = rng.uniform(0, length - UNIT * units)
    for n in range(units):
        share = (first + UNIT * n) / (length - UNIT)
        plan.put(plan.at_wall(furniture.kitchen_unit(palette, front, top), wall, share))
    row = plan.placed[units // 2]
    plan.put_at_wall(furniture.fridge(palette))
    table = plan.put_on_floor(furniture.table(palette), turned=False)
    if table:
        _chairs_around(plan, palette, table)
    if rng.uniform() < 0.5:
        plan.put_at_wall(furniture.sideboard(palette))
    return row


def _living_room(plan: FloorPlan, palette: Palette) -> Placed:
    rng = plan.rng
    sofa = _first(plan, furniture.sofa(palette))
    table = furniture.coffee_table(palette)
    gap = (sofa.thing.size[1] + table.size[1]) / 2 + rng.uniform(0.3, 0.5)
    plan.put_beside(sofa, table, (rng.uniform(-0.2, 0.2), gap))
    side = (-1.0, 1.0)[rng.integers(2)]
    x = side * (sofa.thing.size[0] / 2 + 0.3)
    seat = furniture.armchair(palette)
    plan.put_beside(sofa, seat, (x, gap + rng.uniform(0.1, 0.4)), side * rng.uniform(0.9, 1.6))
    plan.put_at_wall(furniture.sideboard(palette))
    plan.put_at_wall(furniture.shelf(palette))
    return sofa


def _office(plan: FloorPlan, palette: Palette) -> Placed:
    rng = plan.rng
    desk = _first(plan, furniture.desk(palette))
    others = [plan.put_at_wall(furniture.desk(palette)) for _ in range(rng.integers(0, 3))]
    for place in [desk, *filter(None, others)]:
        y = place.thing.size[1] / 2 + rng.uniform(0.32, 0.5)
        plan.put_beside(place, furniture.swivel_chair(palette), (0.0, y), math.pi + rng.uniform(-0.6, 0.6))
    for _ in range(rng.integers(1, 4)):
        plan.put_at_wall(furniture.shelf(palette))
    plan.put_at_wall(furniture.sideboard(palette))
    return desk


def _first(plan: FloorPlan, thing: Thing) -> Placed:
    """Put the first thing into an empty room, near the middle of a wall."""
    place = plan.at_wall(thing, WALLS[plan.rng.integers(4)], plan.rng.uniform(0.2, 0.8))
    plan.put(place)
    return place


def _chairs_around(plan: FloorPlan, palette: Palette, table: Placed) -> None:
    """Chairs of one kind on up to four sides, a little way under the table or drawn back."""
    rng = plan.rng
    width, depth, _ = table.thing.size
    chair = furniture.chair(palette)
    for n in range(4):
        turn = n * math.pi / 2
        reach = (depth if n % 2 == 0 else width) / 2 + rng.uniform(0.25, 0.4)
        offset = (reach * math.sin(turn), -reach * math.cos(turn))
        if rng.uniform() < 0.8:
            plan.put_beside(table, chair, offset, turn + rng.normal(0.0, 0.1))


PROGRAMMES: Mapping[str, Programme] = {
    "bedroom": _bedroom,
    "kitchen": _kitchen,
    "living_room": _living_room,
    "office": _office,
}
