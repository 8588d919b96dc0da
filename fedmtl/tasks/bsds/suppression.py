"""Non-maximum suppression: of a thick boundary, the ridge stays (Dollár and Zitnick, "Fast Edge Detection Using
Structured Forests", 2015).
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fedmtl.compiled import kernel

Map = NDArray[np.float64]

RADIUS = 4
"""Pixels over which the map is smoothed before its second derivatives are taken."""
FRAME = 5
"""Pixels from the image's frame within which boundaries fade, the outermost to nothing."""
TOLERANCE = 1.01
"""A pixel stays unless a neighbour across the boundary is so many times as strong."""


def suppress(strength: Map) -> Map:
    """The map with 0 where a boundary is stronger one pixel across than here, and faded towards the frame.

    Across is along the normal θ = atan(−sign(D_xy) · D_yy / D_xx), where D are second derivatives of the smoothed map.
    A sign of 0, where the field's code takes the line itself for its normal, counts as positive: in that code's running
    sums rounding errors decide, and a horizontal line ought to count like a vertical one.

    Args:
        strength: the probability of a boundary, (H, W) float64, at least 0.

    Returns:
        (H, W) float64.
    """
    strength = np.ascontiguousarray(strength)  # one memory layout, or the kernel would be compiled for each
    smooth = _triangle(_triangle(strength, axis=0), axis=1)
    dx, dy = _slope(smooth, axis=1), _slope(smooth, axis=0)
    dxx, dxy, dyy = _slope(dx, axis=1), _slope(dx, axis=0), _slope(dy, axis=0)
    # atan2 is atan of the quotient or the opposite direction, which is as good, and has a value for 0 / 0.
    theta = np.arctan2(np.where(dxy > 0, -dyy, dyy), dxx + 1e-5)
    ridge = np.zeros_like(strength)
    _keep_maxima(strength, theta, ridge)
    height, width = strength.shape
    within = min(FRAME, height // 2, width // 2)
    return ridge * _fade(height, within)[:, None] * _fade(width, within)


def _triangle(values: Map, axis: int) -> Map:
    """Σ_k (r + 1 − |k|) / (r + 1)² · v_{i+k} along an axis, over |k| ≤ r, in the image mirrored at its frame."""
    margin = [(0, 0), (0, 0)]
    margin[axis] = (RADIUS, RADIUS)
    padded, size = np.pad(values, margin, mode="symmetric"), values.shape[axis]
    total = np.zeros_like(values)
    for k in range(-RADIUS, RADIUS + 1):
        shifted = padded[k + RADIUS :][:size] if axis == 0 else padded[:, k + RADIUS :][:, :size]
        total += (RADIUS + 1 - abs(k)) / (RADIUS + 1) ** 2 * shifted
    return total


def _slope(values: Map, axis: int) -> Map:
    """Central differences, one-sided at the frame; 0 along an axis of a single pixel."""
    return np.gradient(values, axis=axis) if values.shape[axis] > 1 else np.zeros_like(values)


def _fade(size: int, within: int) -> Map:
    """For the i-th pixel from the nearer end i / `within`, at most 1; (size,)."""
    from_end = np.minimum(np.arange(size), np.arange(size)[::-1])
    return np.minimum(from_end / max(within, 1), 1) if within else np.ones(size)


@kernel
def _keep_maxima(strength: Map, theta: Map, ridge: Map) -> None:
    height, width = strength.shape
    for y in range(height):
        for x in range(width):
            if strength[y, x] > 0:
                dx, dy = math.cos(theta[y, x]), math.sin(theta[y, x])
                across = max(_between(strength, y + dy, x + dx), _between(strength, y - dy, x - dx))
                if TOLERANCE * strength[y, x] >= across:
                    ridge[y, x] = strength[y, x]


@kernel
def _between(values: Map, y: float, x: float) -> float:
    """The value at (y, x), which is brought into the map, interpolated between four pixels."""
    height, width = values.shape
    y, x = min(max(y, 0.0), height - 1.0), min(max(x, 0.0), width - 1.0)
    top, left = int(y), int(x)
    bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
    down, along = y - top, x - left
    above = (1 - along) * values[top, left] + along * values[top, right]
    below = (1 - along) * values[bottom, left] + along * values[bottom, right]
    return float((1 - down) * above + down * below)
