"""Whether every number of a vector is finite, at the speed of memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedmtl.compiled import kernel
from fedmtl.threads import share_out

BLOCK = 1 << 18
"""Elements that a thread is given at least: fewer are done before another wakes up."""


def all_finite(vector: NDArray[np.floating[Any]]) -> bool:
    """Whether a contiguous float32 or float64 vector holds neither NaN nor an infinity. Threads: torch's.

    Those, and no others, have an exponent of ones only: one more, and it overflows into the bit of the sign.
    """
    bits = vector.view(f"u{vector.itemsize}")
    without_sign = bits.dtype.type(np.iinfo(bits.dtype).max >> 1)
    one_more = bits.dtype.type(1 << np.finfo(vector.dtype).nmant)
    found = []

    def look(thread: int, first: int, last: int) -> None:
        found.append(_overflows(bits[first * BLOCK : last * BLOCK], without_sign, one_more))

    share_out(-(-bits.size // BLOCK), look)
    return not any(int(some) > without_sign for some in found)


@kernel
def _overflows(bits: NDArray[Any], without_sign: Any, one_more: Any) -> Any:
    """The bits of all numbers, without sign and with the exponent one larger, or-ed."""
    found = without_sign - without_sign
    for i in range(bits.size):
        found |= (bits[i] & without_sign) + one_more
    return found
