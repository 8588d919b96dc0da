"""What each client leaves a run with: the model that was best on its own validation images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fedmtl.reporting.history import History
from fedmtl.reporting.table import Column


@dataclass(frozen=True)
class Departure:
    """The model that a client leaves with.

    Attributes:
        round: after which it was measured; 0 for the model that the client came with.
        metrics: task → its primary metric on the client's validation images.
        brought: the same of the model that the client came with; None where it came with none.
    """

    client: str
    round: int
    metrics: Mapping[str, float]
    brought: Mapping[str, float] | None


@dataclass(frozen=True)
class DepartureCell:
    """A task's primary metric of what the client leaves with, after the last round, and of what it came with."""

    left: float | None
    last: float | None
    brought: float | None


@dataclass(frozen=True)
class DepartureRow:
    """One client; a cell is None where the client does not measure the task."""

    departure: Departure
    cells: tuple[DepartureCell | None, ...]


def departure_rows(
    history: History, columns: Sequence[Column], departures: Sequence[Departure]
) -> list[DepartureRow]:
    """Clients × tasks."""
    return [
        DepartureRow(departure, tuple(_cell(history, column.task, departure) for column in columns))
        for departure in departures
    ]


def fallen_back(departures: Sequence[Departure]) -> str | None:
    """Who leaves with what it came with, as a sentence; None where nobody does."""
    names = [departure.client for departure in departures if departure.round == 0]
    if not names:
        return None
    keep = "keeps the model that it" if len(names) == 1 else "keep the models that they"
    return f"{', '.join(names)} {keep} came with: no round was better on validation images."


def _cell(history: History, task: str, departure: Departure) -> DepartureCell | None:
    found = history.primary(departure.client, task)
    if found is None:
        return None
    last = found[1].final
    return DepartureCell(
        departure.metrics.get(task), last.value if last else None, (departure.brought or {}).get(task)
    )
