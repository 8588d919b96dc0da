"""Inner-product manipulation (Xie et al. 2019, arXiv 1903.03936): the mean of the honest, turned round."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fedmtl.attacks.collusion import Collusion
from fedmtl.exchange.layout import Vector


@dataclass(frozen=True)
class InnerProduct(Collusion):
    """Sends −epsilon · μ, μ the mean of the honest updates.

    A small ε hides among small updates and turns a rule that picks one of them; m colluders of n clients turn the
    mean where ε is above (n − m)/m.
    """

    epsilon: float = 10.0

    def forge(self, honest: NDArray[np.float32], colluders: int) -> Vector:
        forged: Vector = (-self.epsilon * honest.mean(axis=0, dtype=np.float64)).astype(np.float32)
        return forged
