"""Resizing and turning label maps: values are picked, never mixed, so classes and unlabelled pixels stay such."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def nearest(label: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """A map (H, W, …) at another (height, width), each pixel from the source pixel under its centre."""
    if label.shape[:2] == size:
        return label
    return label.take(_centres(label.shape[0], size[0]), axis=0).take(
        _centres(label.shape[1], size[1]), axis=1
    )


def keep_lines(label: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """A map (H, W) at another (height, width), each pixel the largest of those it covers.

    Every source pixel is covered by exactly one pixel of a smaller map, so a line one pixel wide stays
    connected and grows no thicker. An axis that grows is resized as in `nearest`.
    """
    for axis, new in enumerate(size):
        old = label.shape[axis]
        if new < old:
            label = np.maximum.reduceat(label, np.arange(new) * old // new, axis=axis)
        elif new > old:
            label = label.take(_centres(old, new), axis=axis)
    return label


def turn(label: NDArray[Any], degrees: float, around: NDArray[Any]) -> NDArray[Any]:
    """A map (H, W, …) turned counterclockwise about its middle, each pixel from the source pixel under its centre.

    Args:
        label: the map.
        degrees: the angle.
        around: a map of that size, for where there is nothing of `label`.
    """
    height, width = label.shape[:2]
    cos, sin = np.float32(np.cos(np.radians(degrees))), np.float32(np.sin(np.radians(degrees)))
    y = np.arange(height, dtype=np.float32)[:, None] - np.float32((height - 1) / 2)
    x = np.arange(width, dtype=np.float32) - np.float32((width - 1) / 2)
    rows, columns = sin * x + cos * y + np.float32(height / 2), cos * x - sin * y + np.float32(width / 2)
    outside = (rows < 0) | (rows >= height) | (columns < 0) | (columns >= width)
    source = np.where(outside, 0, rows.astype(np.intp) * width + columns.astype(np.intp))
    turned = label.reshape(height * width, *label.shape[2:]).take(source, axis=0)
    turned[outside] = around[outside]
    return turned


def _centres(old: int, new: int) -> NDArray[np.int64]:
    """The index of the old pixel under the centre of each new one."""
    return (2 * np.arange(new) + 1) * old // (2 * new)
