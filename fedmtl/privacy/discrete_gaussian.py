"""Noise for sums of whole numbers: the discrete Gaussian, P(x) ∝ exp(−x²/2s²), drawn exactly.

By rejection from a discrete Laplace distribution (Canonne, Kamath and Steinke 2020, arXiv 2004.00010, algorithms 1 to
3, with t = s): all that is ever drawn are whole numbers below another, and compared, so that no rounding makes a value
more or less likely than it is.

A candidate y is kept with probability exp(−γ), γ = (|y| − s)²/2s². With ||y| − s| = k·s + r that is a coin of
exp(−1/2) for k² times, one of exp(−r/s) for k times, and one of exp(−(r/s)²/2), all of which have to fall well.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fedmtl.compiled import kernel
from fedmtl.privacy.keystream import Keystream

LARGEST_SCALE = 2**31 - 1
WORDS = 1 << 17
"""Drawn at a time."""
RESERVE = 8192
"""Words that no value ever takes: they are some ten, and as many more as a coin falls on one side in a row."""


def discrete_gaussian(size: int, scale: int) -> NDArray[np.int64]:
    """`size` independent values with s = `scale`, which is also their standard deviation, or a little more than it.

    Raises:
        ValueError: the scale is not from 1 to 2³¹ − 1.
    """
    if not 1 <= scale <= LARGEST_SCALE:
        raise ValueError(f"the scale of discrete noise is from 1 to {LARGEST_SCALE}, not {scale}")
    stream, values, drawn = Keystream(), np.empty(size, np.int64), 0
    while drawn < size:
        drawn = _fill(values, drawn, scale, stream.words(WORDS))
    return values


@kernel
def _below(words: NDArray[np.uint64], at: int, bound: int) -> tuple[int, int]:
    """A uniform whole number below `bound`, and where the next word is.

    A word is passed over where numbers that leave the same remainder, up to all below `bound`, go beyond the last word.
    """
    limit = np.uint64(bound)
    while True:
        word = words[at]
        at += 1
        number = word % limit
        if word - number <= ~np.uint64(0) - (limit - np.uint64(1)):
            return int(np.int64(number)), at


@kernel
def _coin(words: NDArray[np.uint64], at: int, above: int, below: int) -> tuple[bool, int]:
    """Heads with probability exp(−above/below), which is at most 1: von Neumann's game (algorithm 1)."""
    turns = 1
    while True:
        number, at = _below(words, at, below * turns)
        if number >= above:
            return turns % 2 == 1, at
        turns += 1


@kernel
def _square_coin(words: NDArray[np.uint64], at: int, above: int, below: int) -> tuple[bool, int]:
    """Heads with probability exp(−(above/below)²/2)."""
    turns = 1
    while True:
        one, at = _below(words, at, below)
        if one < above:
            one, at = _below(words, at, 2 * below * turns)
        if one >= above:
            return turns % 2 == 1, at
        turns += 1


@kernel
def _laplace(words: NDArray[np.uint64], at: int, scale: int) -> tuple[int, int]:
    """A value y with P(y) ∝ exp(−|y|/scale) (algorithm 2)."""
    while True:
        part, at = _below(words, at, scale)
        keep, at = _coin(words, at, part, scale)
        if not keep:
            continue
        more, at = _coin(words, at, 1, 1)
        while more:
            part += scale
            more, at = _coin(words, at, 1, 1)
        sign, at = _below(words, at, 2)
        if sign == 0:
            return part, at
        if part > 0:  # or 0 would come twice as often
            return -part, at


@kernel
def _keeps(words: NDArray[np.uint64], at: int, times: int, rest: int, scale: int) -> tuple[bool, int]:
    """Heads with probability exp(−(times + rest/scale)²/2)."""
    keep = True
    for _ in range(times * times):
        keep, at = _coin(words, at, 1, 2)
        if not keep:
            return False, at
    for _ in range(times):
        keep, at = _coin(words, at, rest, scale)
        if not keep:
            return False, at
    keep, at = _square_coin(words, at, rest, scale)
    return keep, at


@kernel
def _fill(values: NDArray[np.int64], drawn: int, scale: int, words: NDArray[np.uint64]) -> int:
    """Draw values from `drawn` on until they are full or the words are used up; how many there are then."""
    at = 0
    while drawn < values.size and at < words.size - RESERVE:
        value, at = _laplace(words, at, scale)
        rest = abs(abs(value) - scale)
        keep, at = _keeps(words, at, rest // scale, rest % scale, scale)
        if keep:
            values[drawn] = value
            drawn += 1
    return drawn
