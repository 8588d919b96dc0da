"""What clients' models reach on their images, by all metrics that the field reports, and beside a baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.table import Table

from fedmtl.reporting.table import delta_percent


@dataclass(frozen=True)
class Measurement:
    """One client's metrics of one task.

    Attributes:
        round: after which its model was kept; 0 for one that it came with.
        primary: the name of the field's first metric, for example `odsF_0.0075`.
        higher_is_better: whether more of that is better.
        delta: of that from a baseline, in percent, + for better; None where there is none, or nothing was measured.
    """

    client: str
    task: str
    round: int
    metrics: Mapping[str, float]
    primary: str
    higher_is_better: bool
    images: int
    delta: float | None = None

    def row(self, split: str) -> dict[str, Any]:
        """As a flat row of JSON, without `delta`."""
        named = {"client": self.client, "task": self.task, "round": self.round, "split": split}
        return named | {"images": self.images, **self.metrics}


def beside(measured: Sequence[Measurement], baseline: Sequence[Measurement]) -> list[Measurement]:
    """Measurements with their changes from a baseline's of the same client and task."""
    others = {(other.client, other.task): other.metrics for other in baseline}
    return [replace(each, delta=_delta(each, others.get((each.client, each.task), {}))) for each in measured]


def measured_table(measured: Sequence[Measurement], title: str, *, deltas: bool) -> Table:
    """A line for each client's task, the primary metric first."""
    changes = ["Δ %"] if deltas else []
    table = Table("client", "task", "round", "images", *changes, "metrics", title=title, title_justify="left")
    for each in measured:
        change = ["" if each.delta is None else f"{each.delta:+.1f}"] if deltas else []
        ordered = sorted(each.metrics.items(), key=lambda item: item[0] != each.primary)
        values = "  ".join(f"{name} {value:.4g}" for name, value in ordered)
        table.add_row(each.client, each.task, str(each.round), str(each.images), *change, values)
    return table


def _delta(measured: Measurement, baseline: Mapping[str, float]) -> float | None:
    value = measured.metrics[measured.primary]
    if not math.isfinite(value):
        return None
    return delta_percent(value, baseline.get(measured.primary), measured.higher_is_better)
