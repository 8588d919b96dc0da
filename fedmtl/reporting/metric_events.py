"""The events that say what was measured of a task, of one client or, where that is None, of all together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import nan

from torch import Tensor

from fedmtl.reporting.events import Event
from fedmtl.tasks import Task


def loss_event(number: int, client: str | None, task: str, total: float, count: float) -> Event:
    """A task's mean training loss of round `number`, from the sum over `count` images."""
    value = total / count if count else nan
    return _event(number, client, task, "loss", value, "train", primary=True, higher_is_better=False)


def metric_events(
    number: int, client: str | None, task: Task, split: str, statistics: Mapping[str, Tensor]
) -> Iterator[Event]:
    """A task's metrics after round `number`, from its statistics on a split."""
    for name, value in task.metrics(statistics).items():
        primary = name == task.metric
        better = task.higher_is_better if primary else None
        yield _event(number, client, task.name, name, value, split, primary=primary, higher_is_better=better)


def _event(
    number: int,
    client: str | None,
    task: str,
    metric: str,
    value: float,
    split: str,
    *,
    primary: bool,
    higher_is_better: bool | None,
) -> Event:
    return {
        "event": "metric",
        "round": number,
        "client": client,
        "task": task,
        "metric": metric,
        "value": value,
        "split": split,
        "primary": primary,
        "higher_is_better": higher_is_better,
    }
