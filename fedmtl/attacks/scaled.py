"""Scaled: what was learned, many times over (model replacement, Bagdasaryan et al. 2020, arXiv 1807.00459)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fedmtl.attacks.base import Attack, Occasion
from fedmtl.exchange.layout import Vector


@dataclass(frozen=True)
class Scaled(Attack):
    """Sends factor · Δ: by a factor of the number of clients, the mean becomes the attacker's own model."""

    factor: float = 100.0

    def corrupt(self, updates: Mapping[str, Vector], occasion: Occasion) -> dict[str, Vector]:
        return {group: np.float32(self.factor) * vector for group, vector in updates.items()}
