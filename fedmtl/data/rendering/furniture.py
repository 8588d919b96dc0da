"""Furniture, put together from solids; all measures in metres."""

from __future__ import annotations

from collections.abc import Callable

from fedmtl.data.rendering.material import Material
from fedmtl.data.rendering.scene import Thing
from fedmtl.data.rendering.solids import Shape, Solid
from fedmtl.data.rendering.style import Palette

Maker = Callable[[Palette], Thing]


def solid(
    shape: Shape,
    at: tuple[float, float, float],
    size: tuple[float, float, float],
    material: Material,
    taper: float = 1.0,
) -> Solid:
    """A solid of width, depth and height `size`, the middle of its underside `at`."""
    width, depth, height = size
    return Solid(
        shape, (at[0], at[1], at[2] + height / 2), (width / 2, depth / 2, height / 2), material, taper
    )


def box(at: tuple[float, float, float], size: tuple[float, float, float], material: Material) -> Solid:
    """A box, the middle of its underside `at`."""
    return solid(Shape.box, at, size, material)


def legs(width: float, depth: float, height: float, thick: float, material: Material) -> list[Solid]:
    """Four legs inside the corners of width × depth."""
    x, y = (width - thick) / 2, (depth - thick) / 2
    size = (thick, thick, height)
    return [solid(Shape.box, (sx * x, sy * y, 0.0), size, material) for sx in (-1, 1) for sy in (-1, 1)]


def table(palette: Palette, low: bool = False) -> Thing:
    """A table for eating, or a low one for a sofa."""
    rng = palette.rng
    wood = palette.wood()
    height = rng.uniform(0.38, 0.48) if low else rng.uniform(0.7, 0.77)
    if rng.uniform() < 0.3:
        across = rng.uniform(0.7, 0.9) if low else rng.uniform(0.85, 1.1)
        top = solid(Shape.cone, (0, 0, height - 0.04), (across, across, 0.04), wood)
        post = solid(Shape.cone, (0, 0, 0.03), (0.1, 0.1, height - 0.07), palette.metal())
        foot = solid(Shape.cone, (0, 0, 0), (0.5 * across, 0.5 * across, 0.03), post.material)
        return Thing("table", (top, post, foot), (across, across, height), top=height)
    width = rng.uniform(0.8, 1.2) if low else rng.uniform(1.0, 1.6)
    depth = rng.uniform(0.5, 0.7) if low else rng.uniform(0.7, 0.9)
    top = box((0, 0, height - 0.05), (width, depth, 0.05), wood)
    under = legs(width - 0.06, depth - 0.06, height - 0.05, 0.06, wood)
    return Thing("table", (top, *under), (width, depth, height), top=height)


def coffee_table(palette: Palette) -> Thing:
    """A low table."""
    return table(palette, low=True)


def desk(palette: Palette) -> Thing:
    """A table with drawers at one side and a screen on it, which belongs to it."""
    rng = palette.rng
    wood, metal = palette.wood(), palette.metal()
    width, depth, height = rng.uniform(1.2, 1.6), rng.uniform(0.6, 0.75), 0.74
    side = (-1.0, 1.0)[rng.integers(2)]
    screen = Material((0.02, 0.02, 0.03), gloss=0.8)
    parts = (
        box((0, 0, height - 0.04), (width, depth, 0.04), wood),
        box((side * (width / 2 - 0.2), 0, 0), (0.38, depth - 0.08, height - 0.04), palette.lacquer()),
        box((-side * (width / 2 - 0.03), 0, 0), (0.05, depth - 0.08, height - 0.04), wood),
        box((0, -0.12, height + 0.1), (0.55, 0.03, 0.34), screen),
        box((0, -0.12, height), (0.06, 0.06, 0.12), metal),
    )
    return Thing("table", parts, (width, depth, height + 0.44))


def chair(palette: Palette) -> Thing:
    """A chair with four legs, back at -y."""
    rng = palette.rng
    frame = palette.wood() if rng.uniform() < 0.6 else palette.metal()
    cover = palette.fabric() if rng.uniform() < 0.5 else frame
    width, depth, seat, height = rng.uniform(0.4, 0.48), 0.44, 0.45, rng.uniform(0.82, 0.98)
    back = -(depth - 0.04) / 2
    parts = [
        *legs(width, depth, seat - 0.04, 0.04, frame),
        box((0, 0, seat - 0.04), (width, depth, 0.05), cover),
        box((0, back, seat + 0.12), (width, 0.04, height - seat - 0.12), cover),
        box((-(width - 0.04) / 2, back, seat), (0.04, 0.04, 0.13), frame),
        box(((width - 0.04) / 2, back, seat), (0.04, 0.04, 0.13), frame),
    ]
    return Thing("chair", tuple(parts), (width, depth, height))


def swivel_chair(palette: Palette) -> Thing:
    """An office chair: a post on a round foot."""
    cover, metal = palette.fabric(), palette.metal()
    parts = (
        solid(Shape.cone, (0, 0, 0), (0.56, 0.56, 0.07), metal, taper=0.3),
        solid(Shape.cone, (0, 0, 0.07), (0.06, 0.06, 0.36), metal),
        solid(Shape.cone, (0, 0, 0.42), (0.5, 0.48, 0.08), cover),
        box((0, -0.22, 0.55), (0.42, 0.06, 0.45), cover),
        box((0, -0.23, 0.45), (0.06, 0.04, 0.15), metal),
    )
    return Thing("chair", parts, (0.56, 0.56, 1.0))


def sofa(palette: Palette, seats: int = 0) -> Thing:
    """A sofa with arms and cushions, for one to three."""
    rng = palette.rng
    seats = seats or int(rng.integers(2, 4))
    cover, cushion = palette.fabric(), palette.fabric()
    width, depth, seat, height = 0.36 + 0.65 * seats, 0.85, 0.42, rng.uniform(0.83, 0.95)
    parts = [
        box((0, 0.05, 0.08), (width - 0.3, depth - 0.1, seat - 0.18), cover),
        box((0, -(depth - 0.2) / 2, 0.08), (width - 0.3, 0.2, height - 0.08), cover),
        box((-(width - 0.17) / 2, 0, 0.05), (0.17, depth, 0.55), cover),
        box(((width - 0.17) / 2, 0, 0.05), (0.17, depth, 0.55), cover),
    ]
    for n in range(seats):
        x = 0.65 * (n - (seats - 1) / 2)
        parts.append(box((x, 0.1, seat - 0.1), (0.63, depth - 0.22, 0.13), cover))
        parts.append(solid(Shape.ball, (x, -0.13, seat + 0.03), (0.44, 0.17, 0.38), cushion))
    return Thing("sofa", tuple(parts), (width, depth, height))


def armchair(palette: Palette) -> Thing:
    """A sofa for one."""
    return sofa(palette, seats=1)


def bed(palette: Palette) -> Thing:
    """A bed, its head at -y, with pillows and a blanket over the foot."""
    rng = palette.rng
    wood, linen, blanket = palette.wood(), palette.linen(), palette.fabric()
    pillows = int(rng.integers(1, 3))
    width, depth, head = 0.2 + 0.75 * pillows, 2.05, rng.uniform(0.8, 1.15)
    cover = rng.uniform(0.9, 1.4)
    parts = [
        box((0, 0, 0.05), (width, depth, 0.25), wood),
        box((0, -(depth - 0.06) / 2, 0), (width, 0.06, head), wood),
        box((0, 0.03, 0.3), (width - 0.06, depth - 0.1, 0.2), linen),
        box((0, (depth - cover) / 2, 0.22), (width + 0.02, cover + 0.02, 0.31), blanket),
    ]
    for n in range(pillows):
        x = 0.75 * (n - (pillows - 1) / 2)
        parts.append(solid(Shape.ball, (x, -0.72, 0.42), (0.62, 0.42, 0.24), palette.linen()))
    return Thing("bed", tuple(parts), (width + 0.02, depth + 0.04, head))


def cupboard(
    palette: Palette, width: float, depth: float, height: float, doors: int, material: Material | None = None
) -> Thing:
    """A body with doors and handles."""
    body = material or (palette.lacquer() if palette.rng.uniform() < 0.5 else palette.wood())
    metal = palette.metal()
    door = width / doors
    parts = [box((0, -0.01, 0), (width, depth - 0.02, height), body)]
    for n in range(doors):
        x = door * (n - (doors - 1) / 2)
        parts.append(box((x, depth / 2 - 0.02, 0.05), (door - 0.025, 0.02, height - 0.09), body))
        side = 0.35 * door if n % 2 == 0 else -0.35 * door
        parts.append(box((x + side, depth / 2, 0.55 * height), (0.02, 0.03, min(0.16, 0.3 * height)), metal))
    return Thing("cabinet", tuple(parts), (width, depth, height), top=height if height < 1.0 else 0.0)


def wardrobe(palette: Palette) -> Thing:
    """A tall cupboard."""
    doors = int(palette.rng.integers(2, 4))
    return cupboard(palette, 0.48 * doors, 0.58, palette.rng.uniform(1.8, 2.15), doors)


def sideboard(palette: Palette) -> Thing:
    """A low cupboard, wide."""
    doors = int(palette.rng.integers(2, 5))
    return cupboard(palette, 0.42 * doors, 0.42, palette.rng.uniform(0.5, 0.85), doors)


def nightstand(palette: Palette) -> Thing:
    """A small cupboard beside a bed."""
    return cupboard(palette, 0.45, 0.4, palette.rng.uniform(0.45, 0.6), 1)


def kitchen_unit(palette: Palette, front: Material, top: Material) -> Thing:
    """A base unit under a worktop, with a wall cupboard over it."""
    base = cupboard(palette, 0.6, 0.58, 0.86, 1, front)
    upper = cupboard(palette, 0.6, 0.34, 0.65, 1, front)
    raised = [s._replace(centre=(s.centre[0], s.centre[1] - 0.13, s.centre[2] + 1.45)) for s in upper.solids]
    worktop = box((0, 0.01, 0.86), (0.6, 0.62, 0.04), top)
    return Thing("cabinet", (*base.solids, worktop, *raised), (0.6, 0.64, 2.1))


def fridge(palette: Palette) -> Thing:
    """A tall white cupboard."""
    white = Material((0.75, 0.76, 0.78), gloss=0.5)
    return cupboard(palette, 0.62, 0.62, palette.rng.uniform(1.5, 1.9), 1, white)


def shelf(palette: Palette) -> Thing:
    """An open shelf with books, which belong to it."""
    rng = palette.rng
    wood = palette.wood()
    boards = int(rng.integers(3, 6))
    width, depth, height = rng.uniform(0.7, 1.1), 0.3, 0.05 + 0.36 * boards
    parts = [
        box((-(width - 0.03) / 2, 0, 0), (0.03, depth, height), wood),
        box(((width - 0.03) / 2, 0, 0), (0.03, depth, height), wood),
        box((0, -(depth - 0.02) / 2, 0), (width, 0.02, height), wood),
    ]
    for n in range(boards + 1):
        parts.append(box((0, 0, 0.02 + 0.36 * n - 0.02 * (n == boards)), (width - 0.06, depth, 0.03), wood))
    for n in range(boards):
        long = rng.uniform(0.3, 0.8) * width
        x = rng.uniform(-1.0, 1.0) * (width - 0.1 - long) / 2
        books = palette.print()._replace(scale=0.09)
        parts.append(box((x, -0.02, 0.05 + 0.36 * n), (long, 0.2, rng.uniform(0.18, 0.28)), books))
    return Thing("cabinet", tuple(parts), (width, depth, height))
