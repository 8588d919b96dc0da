"""Sign flip: the opposite of what was learned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fedmtl.attacks.base import Attack, Occasion
from fedmtl.exchange.layout import Vector


@dataclass(frozen=True)
class SignFlip(Attack):
    """Sends −scale · Δ (Li et al. 2019, arXiv 1811.03761); with 4, a fifth of the clients cancels what others learn."""

    scale: float = 4.0

    def corrupt(self, updates: Mapping[str, Vector], occasion: Occasion) -> dict[str, Vector]:
        return {group: np.float32(-self.scale) * vector for group, vector in updates.items()}
