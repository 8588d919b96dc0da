"""labels.csv: the labels of image-level tasks."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedmtl.data.files import FileError
from fedmtl.tasks.spec import TaskSpec


@dataclass(frozen=True)
class Table:
    """A table of labels, one row an image.

    The column `id` names the image. A task's labels stand in the column called like the task, or else in one
    column per class. The former holds a classification's class name or index, or a regression's only value;
    the latter hold a multi-label task's 0 or 1, or a regression's named values. An empty cell is unlabelled.
    """

    path: Path
    columns: tuple[str, ...]
    rows: Mapping[str, Mapping[str, str]]

    def columns_of(self, spec: TaskSpec) -> tuple[str, ...]:
        """The columns that hold the labels of a task.

        Raises:
            FileError: they are not in the table.
        """
        if spec.name in self.columns or not spec.classes:
            needed: tuple[str, ...] = (spec.name,)
        else:
            needed = spec.classes
        for column in needed:
            if column not in self.columns:
                also = f" (or '{spec.name}')" if spec.classes else ""
                raise FileError(self.path, f"there is no column '{column}'{also} for task '{spec.name}'")
        return needed

    def values(self, sample_id: str, spec: TaskSpec) -> NDArray[Any]:
        """The cells of one image's label, (columns,) float64, NaN where empty.

        Raises:
            FileError: a column is missing, or a cell is neither a number nor a class.
            KeyError: the table has no row for the image.
        """
        row = self.rows[sample_id]
        columns = self.columns_of(spec)
        classes = spec.classes if columns == (spec.name,) else ()
        return np.array([self._number(sample_id, column, row[column], classes) for column in columns])

    def _number(self, sample_id: str, column: str, cell: str, classes: tuple[str, ...]) -> float:
        if not cell:
            return float("nan")
        if cell in classes:
            return float(classes.index(cell))
        try:
            number = float(cell)
        except ValueError:
            number = float("nan")
        if not np.isfinite(number):
            what = "a finite number or a class" if classes else "a finite number"
            raise FileError(self.path, f"row '{sample_id}', column '{column}': '{cell}' is not {what}")
        return number


def read_table(path: Path) -> Table:
    """Read labels.csv.

    Raises:
        FileError: the file cannot be read, has no `id` column, two columns or two rows of one name, or a row
            of another length than the header.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header, *lines = [[cell.strip() for cell in line] for line in csv.reader(file) if line] or [[]]
    except OSError as error:
        raise FileError(path, f"cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileError(path, f"is not a table in UTF-8: {error}") from error
    if "id" not in header:
        raise FileError(path, "there is no column 'id'")
    if len(set(header)) < len(header):
        raise FileError(path, "two columns have the same name")
    rows: dict[str, dict[str, str]] = {}
    for number, cells in enumerate(lines, start=2):
        if len(cells) != len(header):
            raise FileError(path, f"row {number} has {len(cells)} cells, the header {len(header)}")
        row = dict(zip(header, cells, strict=True))
        if rows.setdefault(row.pop("id"), row) is not row:
            raise FileError(path, f"row {number} repeats an id")
    return Table(path, tuple(column for column in header if column != "id"), rows)
