"""What hangs on walls and ceilings or stands about: lamps, windows, pictures, rugs, columns, ornaments."""

from __future__ import annotations

from fedmtl.data.rendering.furniture import box, solid
from fedmtl.data.rendering.material import Colour, Material, Texture, shade
from fedmtl.data.rendering.scene import Thing
from fedmtl.data.rendering.solids import Shape
from fedmtl.data.rendering.style import Palette


def hanging_lamp(palette: Palette, light: Colour, drop: float) -> Thing:
    """A shade that hangs `drop` metres below the ceiling; the origin is its lowest point."""
    across = palette.rng.uniform(0.3, 0.5)
    cord = palette.metal()
    parts = (
        solid(Shape.cone, (0, 0, 0), (across, across, 0.22), Material(light, glow=1.2), taper=0.5),
        solid(Shape.cone, (0, 0, 0.22), (0.02, 0.02, drop - 0.22), cord),
    )
    return Thing("lamp", parts, (across, across, drop))


def floor_lamp(palette: Palette, light: Colour) -> Thing:
    """A shade on a post."""
    metal = palette.metal()
    height = palette.rng.uniform(1.35, 1.65)
    parts = (
        solid(Shape.cone, (0, 0, 0), (0.28, 0.28, 0.03), metal),
        solid(Shape.cone, (0, 0, 0.03), (0.03, 0.03, height - 0.3), metal),
        solid(Shape.cone, (0, 0, height - 0.28), (0.38, 0.38, 0.28), Material(light, glow=1.2), taper=0.6),
    )
    return Thing("lamp", parts, (0.38, 0.38, height))


def window(palette: Palette, sky: Colour) -> Thing:
    """A glowing pane with a frame and bars, to hang on a wall."""
    rng = palette.rng
    frame = palette.linen()
    width, height = rng.uniform(0.9, 1.6), rng.uniform(1.0, 1.3)
    parts = [
        box((0, 0, 0), (width, 0.03, height), Material(sky, shade(sky, 0.7), Texture.mottled, 0.6, glow=1.0)),
        box((0, 0.02, -0.03), (width + 0.12, 0.1, 0.06), frame),
        box((0, 0.02, height - 0.03), (width + 0.12, 0.07, 0.06), frame),
    ]
    for x in (-width / 2, 0.0, width / 2):
        parts.append(box((x, 0.02, 0), (0.06, 0.06, height), frame))
    return Thing("window", tuple(parts), (width + 0.12, 0.1, height + 0.03))


def picture(palette: Palette) -> Thing:
    """A print in a frame, to hang on a wall."""
    width, height = palette.rng.uniform(0.35, 1.0, size=2)
    height = min(height, 0.8)
    frame = palette.wood() if palette.rng.uniform() < 0.5 else palette.metal()
    parts = (
        box((0, -0.005, 0), (width, 0.02, height), frame),
        box((0, 0.01, 0.04), (width - 0.08, 0.015, height - 0.08), palette.print()),
    )
    return Thing("picture", parts, (width, 0.04, height))


def rug(palette: Palette) -> Thing:
    """A thin patterned sheet; it counts as floor."""
    rng = palette.rng
    material = palette.fabric()._replace(
        texture=Texture(int(rng.choice([1, 2, 5]))), scale=rng.uniform(0.2, 0.5)
    )
    width, depth = rng.uniform(1.2, 2.4), rng.uniform(1.0, 1.7)
    shape = Shape.cone if rng.uniform() < 0.3 else Shape.box
    return Thing("floor", (solid(shape, (0, 0, 0), (width, depth, 0.012), material),), (width, depth, 0.012))


def column(palette: Palette, height: float, material: Material) -> Thing:
    """A round or square column from floor to ceiling; it counts as wall."""
    across = palette.rng.uniform(0.25, 0.4)
    shape = Shape.cone if palette.rng.uniform() < 0.5 else Shape.box
    return Thing(
        "wall", (solid(shape, (0, 0, 0), (across, across, height), material),), (across, across, height)
    )


def ornament(palette: Palette, vivid: bool, large: bool) -> Thing:
    """A ball, a vase, stacked blocks, a pyramid of discs, or a spinning top."""
    rng = palette.rng
    a, b = (palette.vivid(), palette.vivid()) if vivid else (palette.clay(), palette.clay())
    w = rng.uniform(0.26, 0.42) if large else rng.uniform(0.16, 0.26)
    match rng.integers(5):
        case 0:
            parts = [solid(Shape.ball, (0, 0, 0), (w, w, w), a)]
        case 1:
            parts = [
                solid(Shape.cone, (0, 0, 0), (0.55 * w, 0.55 * w, 0.6 * w), a, taper=1.8),
                solid(Shape.cone, (0, 0, 0.6 * w), (w, w, 0.5 * w), a, taper=0.4),
                solid(Shape.cone, (0, 0, 1.1 * w), (0.4 * w, 0.4 * w, 0.25 * w), a, taper=1.5),
            ]
        case 2:
            parts = [
                box((0, 0, 0), (w, w, w), a),
                box((0.1 * w, 0, w), (0.7 * w, 0.7 * w, 0.7 * w), b)._replace(yaw=rng.uniform(0.2, 1.3)),
            ]
        case 3:
            parts = [
                solid(Shape.cone, (0, 0, 0.25 * n * w), ((1 - 0.22 * n) * w, (1 - 0.22 * n) * w, 0.25 * w), m)
                for n, m in enumerate((a, b, a, b))
            ]
        case _:
            parts = [
                solid(Shape.cone, (0, 0, 0), (0.12 * w, 0.12 * w, 0.5 * w), b, taper=8.0),
                solid(Shape.cone, (0, 0, 0.5 * w), (0.96 * w, 0.96 * w, 0.25 * w), a, taper=0.3),
                solid(Shape.cone, (0, 0, 0.75 * w), (0.15 * w, 0.15 * w, 0.3 * w), b),
            ]
    height = max(part.centre[2] + part.half[2] for part in parts)
    return Thing("ornament", tuple(parts), (1.2 * w, 1.2 * w, height), vivid=vivid)
