"""The result of a run on a terminal, in as many columns as there is room for."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from fedmtl.reporting.table import Cell, Column, ResultTable
from fedmtl.reporting.units import number, signed, tone

STYLES = {"better": "green", "worse": "red"}
UNBOUNDED = 10_000
"""Columns of characters; no table is wider."""


@dataclass(frozen=True)
class TerminalTable:
    """A column a task where that fits; otherwise a line for each client and task."""

    table: ResultTable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        wide = _column_a_task(self.table)
        needed = Measurement.get(console, options.update(width=UNBOUNDED), wide).maximum
        yield wide if needed <= options.max_width else _line_a_task(self.table)


def _column_a_task(table: ResultTable) -> Table:
    drawn = _empty(table)
    for column in table.columns:
        drawn.add_column(f"{column.task}\n{column.label}", justify="right")
    if table.baseline:
        drawn.add_column("mean Δ", justify="right")
    for row in table.rows:
        cells = [_text(cell, column, table) for cell, column in zip(row.cells, table.columns, strict=True)]
        mean = [_signed_text(row.mean_delta)] if table.baseline else []
        if row.pooled:
            drawn.add_section()
        drawn.add_row(row.client, *cells, *mean)
    return drawn


def _line_a_task(table: ResultTable) -> Table:
    drawn = _empty(table)
    drawn.add_column("task")
    drawn.add_column("metric")
    drawn.add_column("value", justify="right")
    for row in table.rows:
        drawn.add_section()
        client = row.client
        for column, cell in zip(table.columns, row.cells, strict=True):
            if cell is not None:
                drawn.add_row(client, column.task, column.label, _text(cell, column, table))
                client = ""
        if table.baseline and row.mean_delta is not None:
            drawn.add_row("", "mean Δ", "", _signed_text(row.mean_delta))
    return drawn


def _empty(table: ResultTable) -> Table:
    caption = f"Δ in percent of {table.baseline}, + is better" if table.baseline else None
    drawn = Table(caption=caption, caption_justify="left", header_style="bold")
    drawn.add_column("client", no_wrap=True)
    return drawn


def _text(cell: Cell | None, column: Column, table: ResultTable) -> Text:
    if cell is None:
        return Text("")
    text = Text(number(cell.value, column.unit))
    if cell.round < table.last_round:
        text.append(f" (round {cell.round})", "dim")
    if cell.delta is not None:
        text.append(" ").append(_signed_text(cell.delta))
    return text


def _signed_text(delta: float | None) -> Text:
    if delta is None:
        return Text("")
    return Text(signed(delta), STYLES.get(tone(delta), ""))
