"""Means of changes, counted as `fedmtl compare` counts them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import fmean
from typing import Any


def mean_delta(rows: Iterable[Mapping[str, Any]]) -> float | None:
    """The mean `delta` of a run, over each `client`'s tasks and then over clients; None where no row has one."""
    deltas: dict[str, list[float]] = {}
    for row in rows:
        if row["delta"] is not None:
            deltas.setdefault(row["client"], []).append(row["delta"])
    return fmean(map(fmean, deltas.values())) if deltas else None
