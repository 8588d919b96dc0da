"""Gaussian: noise in place of an update (Blanchard et al. 2017, arXiv 1703.02757)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fedmtl.attacks.base import Attack, Occasion
from fedmtl.exchange.layout import Vector
from fedmtl.seeding import numpy_rng


@dataclass(frozen=True)
class Gaussian(Attack):
    """Sends, of each group, independent normal values with `scale` times the root mean square of Δ."""

    scale: float = 10.0

    def corrupt(self, updates: Mapping[str, Vector], occasion: Occasion) -> dict[str, Vector]:
        return {group: self._noise(vector, group, occasion) for group, vector in updates.items()}

    def _noise(self, vector: Vector, group: str, occasion: Occasion) -> Vector:
        rng = numpy_rng(occasion.seed, "attack", occasion.round, occasion.client, group)
        size = np.sqrt(np.mean(np.square(vector, dtype=np.float64))) if vector.size else 0.0
        return np.float32(self.scale * size) * rng.standard_normal(vector.size, np.float32)
