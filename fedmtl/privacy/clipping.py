"""Clipping: what a client adds has no larger norm than agreed, by group or over all of its groups together."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from fedmtl.config.privacy import ClientPrivacyConfig, ClipKind, NoiseKind
from fedmtl.errors import ExchangeError
from fedmtl.exchange.layout import Vector, norm

WHOLE = ""
"""In place of a group's name: all groups of a client together."""
BELOW = 1 - 2.0**-23
"""Rounding to float32 adds less than the rest to a norm."""
Bounds = Mapping[str, float]
"""The largest norm of each group's update, or under `WHOLE` of all together."""


def norms(vectors: Mapping[str, Vector], by: ClipKind) -> dict[str, float]:
    """What is clipped of a client's update, by the name of its bound, and its norm.

    Raises:
        ExchangeError: a value is not finite; the end of a sentence about the client.
    """
    by_group = {group: norm(vector) for group, vector in vectors.items()}
    for group, size in by_group.items():
        if not math.isfinite(size):
            raise ExchangeError(f"sends an update of '{group}' that has values that are not finite")
    return by_group if by is ClipKind.group else {WHOLE: math.hypot(*by_group.values())}


def factors(vectors: Mapping[str, Vector], bounds: Bounds, by: ClipKind) -> dict[str, float]:
    """Group → what to multiply its update with, at most 1: min(1, bound / norm), and 1 where the norm is 0.

    Raises:
        ExchangeError: as in `norms`.
    """
    found = {name: bounds[name] / max(size, bounds[name]) for name, size in norms(vectors, by).items()}
    return {group: found[group if by is ClipKind.group else WHOLE] for group in vectors}


def clipped(vectors: Mapping[str, Vector], bounds: Bounds, by: ClipKind) -> dict[str, Vector]:
    """The update with norms of no more than the bounds, in float32; what is within them stays as it is.

    Raises:
        ExchangeError: as in `norms`.
    """
    scale = factors(vectors, bounds, by)
    return {
        group: vector if scale[group] == 1 else (vector * (scale[group] * BELOW)).astype(np.float32)
        for group, vector in vectors.items()
    }


def within_bounds(vectors: dict[str, Vector], config: ClientPrivacyConfig) -> dict[str, Vector]:
    """A client's update as it may leave: clipped, unless nothing is noised or the bound is one that adapts.

    Raises:
        ExchangeError: as in `norms`.
    """
    if config.noise is NoiseKind.none or config.adaptive_quantile is not None:
        return vectors
    return clipped(vectors, dict.fromkeys([WHOLE, *vectors], config.clip), config.clip_by)
