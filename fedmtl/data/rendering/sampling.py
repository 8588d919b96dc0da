"""Drawing a furnished, lit room from a site's style."""

from __future__ import annotations

import math

import numpy as np

from fedmtl.data.rendering import fittings
from fedmtl.data.rendering.camera import Camera
from fedmtl.data.rendering.floorplan import FloorPlan
from fedmtl.data.rendering.material import Colour
from fedmtl.data.rendering.programmes import PROGRAMMES
from fedmtl.data.rendering.scene import ROOM_TYPES, Light, Placed, Scene
from fedmtl.data.rendering.standpoint import stand
from fedmtl.data.rendering.style import Palette, Style

SKY: Colour = (0.75, 0.9, 1.0)


def sample(style: Style, rng: np.random.Generator) -> tuple[Scene, Camera]:
    """A room in the given style, and a camera in it."""
    palette = Palette(style, rng)
    room_type = ROOM_TYPES[palette.pick(style.room_types)]
    width, depth = rng.uniform(3.2, 5.2, size=2).tolist()
    plan = FloorPlan((width, depth, rng.uniform(2.35, 2.9)), rng)
    shell = palette.walls(), palette.floor(), palette.ceiling()
    anchor = PROGRAMMES[room_type](plan, palette)
    if rng.uniform() < 0.15:
        plan.put_on_floor(fittings.column(palette, plan.size[2], shell[0]), turned=False)
    focus = _set_out_ornaments(plan, palette) or anchor
    lights = _light(plan, palette)
    for _ in range(rng.integers(1, 4)):
        plan.put_at_wall(fittings.picture(palette), rng.uniform(1.15, 1.4))
    if rng.uniform() < 0.4:
        _lay_rug(plan, palette)
    ambient = style.ambient * style.brightness
    scene = Scene.build(room_type, plan.size, shell, plan.placed, lights, (ambient, ambient, 1.05 * ambient))
    return scene, stand(scene, plan, style.lens, focus, anchor)


def _set_out_ornaments(plan: FloorPlan, palette: Palette) -> Placed | None:
    """Put ornaments on flat tops and on the floor; returns a vivid one, if there was room for any."""
    rng = plan.rng
    supports = [placed for placed in plan.placed if placed.thing.top > 0]
    vivid = []
    for n in range(1 + min(6, int(rng.poisson(palette.style.clutter)))):
        bright = n == 0 or rng.uniform() < 0.3
        if supports and rng.uniform() < 0.6:
            support = supports[rng.integers(len(supports))]
            placed = plan.put_upon(support, fittings.ornament(palette, bright, large=False))
        else:
            placed = plan.put_on_floor(fittings.ornament(palette, bright, large=True))
        if placed and bright:
            vivid.append(placed)
    return vivid[0] if vivid else None


def _light(plan: FloorPlan, palette: Palette) -> list[Light]:
    """A lamp under the ceiling, and a window or a floor lamp or both, each with its light."""
    rng, style = plan.rng, palette.style
    width, depth, height = plan.size
    colour = palette.lamp_light()
    drop = rng.uniform(0.4, 0.9)
    x, y = width * rng.uniform(0.35, 0.65), depth * rng.uniform(0.35, 0.65)
    plan.put(Placed(fittings.hanging_lamp(palette, colour, drop), x, y, height - drop, 0.0))
    lamp = (1.0 - style.daylight) * style.brightness
    lights = [Light((x, y, height - drop + 0.1), _scaled(colour, 1.0 + 4.5 * lamp), 0.3)]
    window = plan.put_at_wall(fittings.window(palette, SKY), rng.uniform(0.85, 1.0))
    if window:
        # A little inside the pane, half way up.
        x, y = window.x - 0.25 * math.sin(window.yaw), window.y + 0.25 * math.cos(window.yaw)
        day = 7.0 * style.daylight * style.brightness
        lights.append(Light((x, y, window.z + 0.7), _scaled(SKY, day), 0.8))
    if rng.uniform() < 0.5:
        stand = plan.put_at_wall(fittings.floor_lamp(palette, colour))
        if stand:
            position = (stand.x, stand.y, stand.thing.size[2] - 0.14)
            lights.append(Light(position, _scaled(colour, 0.3 + 1.2 * lamp), 0.3))
    return lights


def _lay_rug(plan: FloorPlan, palette: Palette) -> None:
    rng = plan.rng
    x, y = (np.array(plan.size[:2]) / 2 + rng.uniform(-0.4, 0.4, size=2)).tolist()
    plan.lay(Placed(fittings.rug(palette), x, y, 0.0, math.pi / 2 * int(rng.integers(2))))


def _scaled(colour: Colour, factor: float) -> Colour:
    red, green, blue = colour
    return factor * red, factor * green, factor * blue
