"""Edges as PASCAL-Context has them: the borders of a map of labels, one pixel wide."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedmtl.tasks.bsds.thinning import thin


def borders(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Where |Laplacian| > 0 of a map of labels (H, W), thinned and not dilated.

    The Laplacian is that of the four neighbours, beyond the rim those of the row or column before (… 2 1 | 0 1 2 …).
    Labels are taken as the numbers they are: a pixel between labels a − d and a + d has a Laplacian of 0, and is none.
    """
    around = np.pad(labels.astype(np.int64), 1, mode="reflect")
    neighbours = around[:-2, 1:-1] + around[2:, 1:-1] + around[1:-1, :-2] + around[1:-1, 2:]
    return thin(neighbours != 4 * around[1:-1, 1:-1])
