"""How far a thing reaches in its own frame."""

from __future__ import annotations

import math

import numpy as np

from fedmtl.data.rendering.solids import Shape


def extent(thing):
    """Lower and upper corner of the upright box around a thing's solids."""
    lows, highs = [], []
    for solid in thing.solids:
        x, y, z = solid.half
        if solid.shape == Shape.cone:
            x, y = x * max(1.0, solid.taper), y * max(1.0, solid.taper)
        cos, sin = abs(math.cos(solid.yaw)), abs(math.sin(solid.yaw))
        reach = np.array([cos * x + sin * y, sin * x + cos * y, z])
        lows.append(solid.centre - reach)
        highs.append(solid.centre + reach)
    return np.min(lows, axis=0), np.max(highs, axis=0)
