"""What makes one site unlike another: its colours, its furniture, its light and its camera."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

import numpy as np

from fedmtl.data.rendering.lens import Lens
from fedmtl.data.rendering.material import Colour, Material, Texture, hsv, shade
from fedmtl.data.rendering.scene import ROOM_TYPES
from fedmtl.seeding import numpy_rng


@dataclass(frozen=True)
class Style:
    """The habits of a site, around which every room of it varies.

    Args:
        wall: hue, saturation and value of its walls.
        wood: hue, saturation and value of its wood.
        fabric: hue and saturation of its upholstery.
        floors: odds of boards, tiles, checkers and carpet.
        papered: share of the rooms with patterned walls.
        room_types: odds of `ROOM_TYPES`.
        clutter: mean number of ornaments beyond the first.
        daylight: share of the light that comes in through windows.
        warmth: colour of the lamps, 0 white … 1 orange.
        brightness: intensity of all lights.
        ambient: share of the light that comes from everywhere.
        lens: its camera.
    """

    wall: tuple[float, float, float]
    wood: tuple[float, float, float]
    fabric: tuple[float, float]
    floors: tuple[float, ...]
    papered: float
    room_types: tuple[float, ...]
    clutter: float
    daylight: float
    warmth: float
    brightness: float
    ambient: float
    lens: Lens

    @staticmethod
    @lru_cache(maxsize=1024)
    def of(seed: int, site: str) -> Style:
        """The style of a site, drawn anew for every seed."""
        rng = numpy_rng(seed, "rooms", "style", site)
        return Style(
            wall=(rng.uniform(), rng.uniform(0.03, 0.35), rng.uniform(0.7, 0.95)),
            wood=(rng.uniform(0.05, 0.11), rng.uniform(0.3, 0.65), rng.uniform(0.35, 0.85)),
            fabric=(rng.uniform(), rng.uniform(0.1, 0.5)),
            floors=tuple(rng.dirichlet([0.5] * 4)),
            papered=rng.uniform(0.0, 0.5),
            room_types=tuple(rng.dirichlet([0.8] * len(ROOM_TYPES))),
            clutter=rng.uniform(1.0, 4.0),
            daylight=rng.uniform(0.1, 0.9),
            warmth=rng.uniform(),
            brightness=rng.uniform(0.8, 1.3),
            ambient=rng.uniform(0.2, 0.4),
            lens=Lens(
                focal=rng.uniform(0.6, 1.0),
                distortion=rng.uniform(-0.05, 0.15),
                exposure=rng.uniform(0.8, 1.6),
                vignetting=rng.uniform(0.0, 0.5),
                noise=rng.uniform(0.01, 0.05),
            ),
        )


class Palette:
    """The materials of one room, drawn around its site's style."""

    def __init__(self, style: Style, rng: np.random.Generator) -> None:
        self.style = style
        self.rng = rng
        self.timber = self._near(*style.wood)

    def pick(self, odds: tuple[float, ...]) -> int:
        """An index, drawn with the given probabilities."""
        drawn, last = self.rng.uniform(), len(odds) - 1
        return next((i for i, total in enumerate(accumulate(odds)) if drawn < total), last)

    def wood(self) -> Material:
        """The room's timber, each piece from its own log."""
        phase = self.rng.uniform(0.0, 8.0)
        return Material(self.timber, shade(self.timber, 0.55), Texture.wood, 0.2, phase, gloss=0.15)

    def fabric(self) -> Material:
        """Upholstery: plain, striped, or mottled."""
        hue, saturation = self.style.fabric
        colour = self._near(hue, saturation, self.rng.uniform(0.35, 0.9))
        texture = (Texture.plain, Texture.stripes, Texture.mottled)[self.rng.integers(3)]
        return Material(colour, shade(colour, 0.6), texture, self.rng.uniform(0.1, 0.25))

    def linen(self) -> Material:
        """Near white."""
        return Material(hsv(self.rng.uniform(), 0.06, self.rng.uniform(0.85, 0.97)))

    def lacquer(self) -> Material:
        """A painted front, plain and a little glossy."""
        hue, saturation, value = self.style.wall
        colour = self._near(hue + 0.5, 0.7 * saturation, min(1.0, value + self.rng.uniform(-0.35, 0.1)))
        return Material(colour, gloss=0.25)

    def metal(self) -> Material:
        """Dark or bright grey, glossy."""
        return Material(hsv(0.6, 0.05, (0.25, 0.75)[self.rng.integers(2)]), gloss=0.6)

    def vivid(self) -> Material:
        """The saturated colours that only salient ornaments have."""
        hue = self.rng.uniform()
        colour = hsv(hue, 0.92, self.rng.uniform(0.85, 1.0))
        texture = (Texture.plain, Texture.plain, Texture.stripes)[self.rng.integers(3)]
        return Material(colour, hsv(hue + 0.08, 0.85, 0.95), texture, 0.12, gloss=0.4)

    def clay(self) -> Material:
        """The dull colours of all other ornaments."""
        colour = hsv(self.rng.uniform(0.0, 0.15), self.rng.uniform(0.05, 0.25), self.rng.uniform(0.3, 0.8))
        return Material(colour, gloss=0.2)

    def print(self) -> Material:
        """What a picture shows."""
        hue = self.rng.uniform()
        texture = (Texture.mottled, Texture.stripes, Texture.checker)[self.rng.integers(3)]
        first, second = hsv(hue, 0.45, 0.8), hsv(hue + self.rng.uniform(0.2, 0.6), 0.45, 0.45)
        return Material(first, second, texture, self.rng.uniform(0.12, 0.3), self.rng.uniform())

    def walls(self) -> Material:
        """Paint, or paper with a pattern that is only just there."""
        colour = self._near(*self.style.wall)
        if self.rng.uniform() > self.style.papered:
            return Material(colour, shade(colour, 0.88), Texture.mottled, 0.4)
        texture = (Texture.stripes, Texture.checker)[self.rng.integers(2)]
        return Material(colour, shade(colour, 0.75), texture, self.rng.uniform(0.3, 0.6))

    def ceiling(self) -> Material:
        """White."""
        return Material(hsv(0.1, 0.03, self.rng.uniform(0.88, 0.97)))

    def floor(self) -> Material:
        """Boards, tiles, checkers or carpet, as often as the site has them."""
        phase = self.rng.uniform()
        stone = self._near(self.style.wood[0], 0.15, self.rng.uniform(0.6, 0.9))
        match self.pick(self.style.floors):
            case 0:
                return Material(self.timber, shade(self.timber, 0.5), Texture.wood, 0.16, phase, gloss=0.2)
            case 1:
                return Material(
                    stone, shade(stone, 0.4), Texture.tiles, self.rng.uniform(0.3, 0.6), phase, 0.3
                )
            case 2:
                return Material(
                    stone, shade(stone, 0.3), Texture.checker, self.rng.uniform(0.3, 0.6), phase, 0.3
                )
            case _:
                hue, saturation = self.style.fabric
                colour = self._near(hue, saturation, self.rng.uniform(0.4, 0.7))
                return Material(colour, shade(colour, 0.65), Texture.mottled, 0.15, phase)

    def lamp_light(self) -> Colour:
        """The colour of a lamp."""
        warmth = min(1.0, max(0.0, self.style.warmth + self.rng.normal(0.0, 0.1)))
        return 1.0, 0.95 - 0.25 * warmth, 0.9 - 0.5 * warmth

    def _near(self, hue: float, saturation: float, value: float) -> Colour:
        """A colour close to the given one."""
        dh, ds, dv = self.rng.standard_normal(3).tolist()
        saturation, value = saturation + 0.03 * ds, value + 0.05 * dv
        return hsv(hue + 0.02 * dh, min(0.6, max(0.0, saturation)), min(0.97, max(0.2, value)))
