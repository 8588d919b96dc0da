"""Morphological thinning, until lines are one pixel wide.

Guo and Hall, "Parallel Thinning with Two-Subiteration Algorithms" (1989), in the form that Lam, Lee and Suen give it,
"Thinning Methodologies: A Comprehensive Survey" (1992), as in MATLAB's `bwmorph(…, 'thin', Inf)`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fedmtl.compiled import kernel

NEIGHBOURS = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1))
"""(down, right) of x₁ … x₈: from the east, counter-clockwise."""


def thin(lines: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels (H, W) that are left when none can be taken any more; what is connected stays so.

    Two turns alternate: in each, all pixels whose neighbours allow it (`_removable`) are taken at once.
    """
    height, width = lines.shape
    padded = np.zeros((height + 2, width + 2), np.bool_)
    padded[1:-1, 1:-1] = lines
    steps = np.array([down * (width + 2) + right for down, right in NEIGHBOURS])
    pixels = np.flatnonzero(padded)
    _take(padded.reshape(-1), pixels, steps, REMOVABLE)
    return padded[1:-1, 1:-1]


def _removable() -> NDArray[np.bool_]:
    """Whether a pixel may be taken in the first and second turn, by the bits x₁ … x₈ of its neighbours, (2, 256).

    All of these hold:

    * G1: Σ_{i=1}^4 b_i = 1, with b_i = ¬x_{2i−1} ∧ (x_{2i} ∨ x_{2i+1});
    * G2: 2 ≤ min(Σ_k x_{2k−1} ∨ x_{2k}, Σ_k x_{2k} ∨ x_{2k+1}) ≤ 3;
    * G3: (x₂ ∨ x₃ ∨ ¬x₈) ∧ x₁ = 0 in the first turn, (x₆ ∨ x₇ ∨ ¬x₄) ∧ x₅ = 0 in the second.
    """
    bits = (np.arange(256)[:, None] >> np.arange(8) & 1).astype(np.bool_)
    x = [bits[:, (i - 1) % 8] for i in range(10)]  # x[1] to x[9], which is x₁ again
    crossings = np.sum([~x[2 * i - 1] & (x[2 * i] | x[2 * i + 1]) for i in range(1, 5)], axis=0)
    odd = np.sum([x[2 * k - 1] | x[2 * k] for k in range(1, 5)], axis=0)
    even = np.sum([x[2 * k] | x[2 * k + 1] for k in range(1, 5)], axis=0)
    fewest = np.minimum(odd, even)
    either = (crossings == 1) & (fewest >= 2) & (fewest <= 3)
    first, second = (x[2] | x[3] | ~x[8]) & x[1], (x[6] | x[7] | ~x[4]) & x[5]
    return np.stack([either & ~first, either & ~second])


REMOVABLE = _removable()


@kernel
def _take(
    lines: NDArray[np.bool_],
    pixels: NDArray[np.int64],
    steps: NDArray[np.int64],
    removable: NDArray[np.bool_],
) -> None:
    """Take pixels out of `lines`, flat, in place.

    A pixel that stayed in a turn stays in the next of that kind unless a neighbour was taken in between, so each kind
    of turn has a queue of the pixels that it has to look at. A pixel is never in one queue twice.
    """
    queues, lengths = np.empty((2, pixels.size), np.int64), np.zeros(2, np.int64)
    waiting = np.zeros((2, lines.size), np.bool_)
    taken = np.empty(pixels.size, np.int64)
    for pixel in pixels:
        around = _around(lines, pixel, steps)
        for turn in range(2):
            if removable[turn, around]:
                _wait(pixel, waiting[turn], queues[turn], lengths[turn : turn + 1])
    turn = 0
    while lengths[0] + lengths[1] > 0:
        count = 0
        for pixel in queues[turn, : lengths[turn]]:
            waiting[turn, pixel] = False
            if lines[pixel] and removable[turn, _around(lines, pixel, steps)]:
                taken[count] = pixel
                count += 1
        lengths[turn] = 0
        for pixel in taken[:count]:
            lines[pixel] = False
        for pixel in taken[:count]:
            for step in steps:
                if lines[pixel + step]:
                    for other in range(2):
                        _wait(pixel + step, waiting[other], queues[other], lengths[other : other + 1])
        turn = 1 - turn


@kernel
def _around(lines: NDArray[np.bool_], pixel: int, steps: NDArray[np.int64]) -> int:
    """The bits x₁ … x₈."""
    bits = 0
    for i in range(8):
        bits |= int(lines[pixel + steps[i]]) << i
    return bits


@kernel
def _wait(
    pixel: int, waiting: NDArray[np.bool_], queue: NDArray[np.int64], length: NDArray[np.int64]
) -> None:
    if not waiting[pixel]:
        waiting[pixel] = True
        queue[length[0]] = pixel
        length[0] += 1
