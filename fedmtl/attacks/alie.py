"""A little is enough (Baruch et al. 2019, arXiv 1902.06156): inside the spread of honest updates, all on one side."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from fedmtl.attacks.collusion import Collusion
from fedmtl.exchange.layout import Vector


@dataclass(frozen=True)
class Alie(Collusion):
    """Sends μ − z·σ, coordinate by coordinate, μ and σ the mean and standard deviation of the honest updates.

    The authors' colluders estimate μ and σ from what they would have sent; here they know them.

    Args:
        z: how far; unset: as far as honest clients go who, with the colluders, are a majority. That is Φ⁻¹((n − s)/n)
            for n honest clients and m colluders, s = ⌊(n + m)/2⌋ + 1 − m, and 0 at the least.
    """

    z: float | None = None

    def forge(self, honest: NDArray[np.float32], colluders: int) -> Vector:
        z = largest_z(len(honest), colluders) if self.z is None else self.z
        wide = honest.astype(np.float64)
        forged: Vector = (wide.mean(axis=0) - z * wide.std(axis=0)).astype(np.float32)
        return forged


def largest_z(honest: int, colluders: int) -> float:
    """The authors' z for n honest clients and m colluders; see `Alie`.

    >>> round(largest_z(38, 12), 2)
    0.34
    """
    supporters = (honest + colluders) // 2 + 1 - colluders
    share = (honest - supporters) / honest
    return max(NormalDist().inv_cdf(share), 0.0) if 0 < share < 1 else 0.0
