"""Canaries: clients whose update is a random direction, to be looked for in what is released (Andrew et al. 2023).

A canary does no harm on purpose: it is how `fedmtl privacy audit --audit canary` measures what a release says of a
client. arXiv 2302.03098.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from fedmtl.attacks.base import Attack, Occasion
from fedmtl.exchange.layout import Vector
from fedmtl.seeding import numpy_rng


@dataclass(frozen=True)
class Canary(Attack):
    """Sends the same random direction in every round, of a norm that clipping brings down to its bound.

    Args:
        norm: of the update, in each of its groups.
    """

    norm: float = 100.0

    def corrupt(self, updates: Mapping[str, Vector], occasion: Occasion) -> dict[str, Vector]:
        whole = direction(occasion.seed, occasion.client, {g: v.size for g, v in updates.items()})
        return {group: np.float32(self.norm) * vector for group, vector in whole.items()}


def direction(seed: int, client: str, sizes: Mapping[str, int]) -> dict[str, Vector]:
    """A canary's direction: independent normal values, of norm 1 in each group, which may be clipped by itself.

    Args:
        seed: the run's.
        sizes: group → the length of its vector.
    """
    drawn = {
        group: numpy_rng(seed, "canary", client, group).standard_normal(size) for group, size in sizes.items()
    }
    return {group: (vector / np.linalg.norm(vector)).astype(np.float32) for group, vector in drawn.items()}
