"""The result of a run: the latest primary metric of every client and task, and its change from a baseline."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from statistics import fmean

from fedmtl.reporting.history import History
from fedmtl.tasks.delta import delta_mtl

POOLED = "all, pooled"


@dataclass(frozen=True)
class Column:
    """A task and its primary metric."""

    task: str
    metric: str
    unit: str
    higher_is_better: bool

    @property
    def label(self) -> str:
        """The metric with its unit, and which way is better."""
        return " ".join(filter(None, [self.metric, self.unit, "↑" if self.higher_is_better else "↓"]))


@dataclass(frozen=True)
class Cell:
    """A value, the round it was measured in, and its change from the baseline in percent, + for better."""

    value: float
    round: int
    delta: float | None


@dataclass(frozen=True)
class Row:
    """One client, or with `POOLED` all of them; a cell is None where the client does not measure the task."""

    client: str
    cells: tuple[Cell | None, ...]
    mean_delta: float | None

    @property
    def pooled(self) -> bool:
        """Whether this is the row of all clients."""
        return self.client == POOLED


@dataclass(frozen=True)
class ResultTable:
    """Clients × tasks.

    Attributes:
        baseline: what the changes are from; None where there is nothing to compare with.
        last_round: the latest round that measured anything; cells of an earlier one say so.
    """

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    baseline: str | None
    last_round: int

    @property
    def mean_delta(self) -> float | None:
        """The mean of the clients' mean changes, so that every client counts alike."""
        return mean_or_none(row.mean_delta for row in self.rows)

    @property
    def worst(self) -> Row | None:
        """The client that gains least, or loses most."""
        compared = [row for row in self.rows if row.mean_delta is not None]
        return min(compared, key=lambda row: row.mean_delta or 0.0, default=None)


def delta_percent(value: float, baseline: float | None, higher_is_better: bool) -> float | None:
    """Δ_MTL of a single task: the gain over a baseline in percent; None where there is none, or it is 0.

    >>> delta_percent(44.0, 40.0, higher_is_better=True)
    10.0
    """
    return delta_mtl({"": value}, {"": baseline}, {"": higher_is_better}) if baseline else None


def mean_or_none(values: Iterable[float | None]) -> float | None:
    """The mean of the values that are there; None where none is."""
    present = [value for value in values if value is not None]
    return fmean(present) if present else None


def result_table(
    history: History,
    baseline: Mapping[tuple[str, str], float] | None = None,
    baseline_name: str = "local training",
) -> ResultTable:
    """The table of a history.

    Args:
        history: the run.
        baseline: (client, task) → the primary metric to compare with.
        baseline_name: what that is called.
    """
    baseline = baseline or {}
    columns = result_columns(history)
    rows = []
    for client in [*history.clients, None]:
        cells = tuple(_cell(history, client, column, baseline) for column in columns)
        if any(cells):
            mean_delta = mean_or_none(cell.delta for cell in cells if cell)
            rows.append(Row(POOLED if client is None else client, cells, mean_delta))
    last_round = max((cell.round for row in rows for cell in row.cells if cell), default=0)
    compared = any(row.mean_delta is not None for row in rows)
    return ResultTable(columns, tuple(rows), baseline_name if compared else None, last_round)


def result_columns(history: History) -> tuple[Column, ...]:
    """The tasks that have a primary metric, by name."""
    columns = {}
    for key, curve in chain.from_iterable(curves.items() for curves in history.curves.values()):
        if key.split == "val" and curve.primary:
            unit = history.unit(key.task, key.metric)
            columns[key.task] = Column(key.task, key.metric, unit, curve.higher_is_better)
    return tuple(column for _, column in sorted(columns.items()))


def _cell(
    history: History, client: str | None, column: Column, baseline: Mapping[tuple[str, str], float]
) -> Cell | None:
    found = history.primary(client, column.task)
    if found is None or found[1].final is None:
        return None
    final = found[1].final
    reference = baseline.get((client, column.task)) if client is not None else None
    return Cell(final.value, final.round, delta_percent(final.value, reference, column.higher_is_better))
