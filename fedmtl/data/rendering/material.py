"""What surfaces look like: a texture of two colours, a gloss, a glow."""

from __future__ import annotations

import colorsys
from enum import IntEnum
from typing import NamedTuple

Colour = tuple[float, float, float]
"""Linear red, green and blue, 0…1."""


class Texture(IntEnum):
    """Patterns in space, so that no surface needs texture coordinates; `texture.py` draws them."""

    plain = 0
    checker = 1
    stripes = 2
    tiles = 3
    wood = 4
    mottled = 5


class Material(NamedTuple):
    """A surface.

    Attributes:
        colour: the albedo, or the first of two.
        other: the second albedo of a texture.
        texture: how the two alternate.
        scale: the texture's period, metres.
        phase: where the texture begins, in periods.
        gloss: strength of the highlight, 0…1.
        glow: light that the surface itself sends out, in albedos.
    """

    colour: Colour
    other: Colour = (0.0, 0.0, 0.0)
    texture: Texture = Texture.plain
    scale: float = 1.0
    phase: float = 0.37
    gloss: float = 0.0
    glow: float = 0.0

    @property
    def row(self) -> tuple[float, ...]:
        """The 11 numbers of a material, in the order above, as the kernels read them."""
        return (*self.colour, *self.other, self.texture, self.scale, self.phase, self.gloss, self.glow)


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """A linear colour from hue, saturation and value as a screen shows them (gamma 2)."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return red * red, green * green, blue * blue


def shade(colour: Colour, factor: float) -> Colour:
    """`colour`, darker or lighter."""
    red, green, blue = (min(1.0, factor * band) for band in colour)
    return red, green, blue
