"""Resizing of label maps: values are picked, never mixed, so that classes and unlabelled pixels stay such."""

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


def _centres(old: int, new: int) -> NDArray[np.int64]:
    """The index of the old pixel under the centre of each new one."""
    return (2 * np.arange(new) + 1) * old // (2 * new)
