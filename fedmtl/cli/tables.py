"""Rows of findings and measurements as a table for people."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

UNBOUNDED = 10_000
"""Columns of characters; no table is wider."""


def wide_console() -> Console:
    """For tables: as wide as the terminal; into a file or a pipe, lines are as long as they need to be."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else UNBOUNDED)


def table_of(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = (), title: str | None = None
) -> Table:
    """One line a row, numbers to four digits; what is None or missing stays empty.

    Args:
        columns: all that there are, in the order in which rows have them, where none is named.
    """
    from rich.table import Table

    shown = columns or list(dict.fromkeys(key for row in rows for key in row))
    table = Table(*shown, title=title, title_justify="left")
    for row in rows:
        table.add_row(*(_cell(row.get(key)) for key in shown))
    return table


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
