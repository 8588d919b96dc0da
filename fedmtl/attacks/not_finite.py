"""Not a number: one such value makes every sum that it enters worthless."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fedmtl.attacks.base import Attack, Occasion
from fedmtl.exchange.layout import Vector


@dataclass(frozen=True)
class NotFinite(Attack):
    """Sends NaN for all; the server refuses that, whatever the method, so it costs its client the round."""

    def corrupt(self, updates: Mapping[str, Vector], occasion: Occasion) -> dict[str, Vector]:
        return {group: np.full_like(vector, np.nan) for group, vector in updates.items()}
