"""Colours of pictures: classes, values on a scale, bars; one grey for what is unlabelled."""

from __future__ import annotations

import colorsys
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

UNLABELLED = (64, 64, 64)

# Okabe and Ito, "Color Universal Design" (2008), without black; then Tol's "muted" scheme.
# fmt: off
_NAMED = (
    "0072b2", "e69f00", "009e73", "cc79a7", "56b4e9", "d55e00", "f0e442", "332288",
    "882255", "44aa99", "ddcc77", "117733", "cc6677", "88ccee", "aa4499", "999933",
)
# fmt: on


@cache
def class_colours() -> NDArray[np.uint8]:
    """Colours (256, 3) of class indices: distinct, the same in every data set; 255 is `UNLABELLED`.

    The first 16 are distinct to colour-blind eyes too. Those after step round the hues by the golden ratio,
    alternating in lightness.
    """
    colours = [tuple(bytes.fromhex(name)) for name in _NAMED]
    for i in range(255 - len(colours)):
        share = colorsys.hls_to_rgb(i * 0.6180339887 % 1, (0.35, 0.55, 0.75)[i % 3], 0.75)
        colours.append(tuple(round(255 * c) for c in share))
    return np.array([*colours, UNLABELLED], np.uint8)


def on_scale(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """Values (H, W) in the colours of viridis, from `low` to `high`; RGB (H, W, 3)."""
    share = (values - low) / max(high - low, 1e-6)
    return _viridis()[(255 * share.clip(0, 1)).astype(np.uint8)]


def bar_chart(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """One bar per value (N,), from 0, on an axis from `low` ≤ 0 to `high` ≥ 0; RGB (96, at least 128, 3).

    Bars have the colours of classes; one that is NaN has full height and the colour of what is unlabelled.
    """
    height, width, count = 96, max(128, 2 * len(values)), len(values)
    level = np.linspace(high, low, height)[:, None]
    unknown = np.isnan(values)
    filled = unknown | ((level <= np.maximum(values, 0)) & (level >= np.minimum(values, 0)))
    colours = np.where(unknown[:, None], UNLABELLED, class_colours()[np.arange(count) % 255])
    bar, offset = np.divmod(np.arange(width) * count, width)
    inside = filled[:, bar] & (offset < 0.8 * width)
    return np.where(inside[:, :, None], colours[bar], 255).astype(np.uint8)


@cache
def _viridis() -> NDArray[np.uint8]:
    from matplotlib import colormaps  # slow to import, and only pictures need it

    return (255 * colormaps["viridis"](np.linspace(0, 1, 256))[:, :3]).round().astype(np.uint8)
