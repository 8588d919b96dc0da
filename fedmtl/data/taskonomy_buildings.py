"""Which buildings of Taskonomy are in which split."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fedmtl.data.files import FileError
from fedmtl.data.splits import SPLITS

SIZES = ("tiny", "medium", "full", "fullplus")
"""Each has the buildings of the one before."""
TINY = {
    "train": (
        "allensville beechwood benevolence coffeen cosmos forkland hanson hiteman klickitat lakeville leonardo "
        "lindenwood marstons merom mifflinburg newfields onaga pinesdale pomaria ranchester shelbyville stockman "
        "tolstoy wainscott woodbine"
    ),
    "val": "collierville corozal darden markleeville wiconisco",
    "test": "ihlen mcdade muleshoe noxapater uvalda",
}


@dataclass(frozen=True)
class Buildings:
    """A list of buildings.

    Attributes:
        name: what it is called.
        path: its file; None where it is the one that comes with fedmtl.
        of: split → its buildings.
    """

    name: str
    path: Path | None
    of: Mapping[str, frozenset[str]]


def read_buildings(root: Path, there: Sequence[str]) -> Buildings:
    """The smallest list in a folder, or in splits_taskonomy in it, that has all buildings which are there.

    Where none has, the largest one; without any list, that of the tiny split.

    Raises:
        FileError: a list cannot be read, or has other columns than id, train, val and test.
    """
    found = []
    for size in SIZES:
        for folder in (root, root / "splits_taskonomy"):
            path = folder / f"train_val_test_{size}.csv"
            if path.is_file():
                found.append(_read(path))
    if not found:
        tiny = {split: frozenset(names.split()) for split, names in TINY.items()}
        return Buildings("Taskonomy's tiny split", None, tiny)
    return next((each for each in found if set(there) <= frozenset().union(*each.of.values())), found[-1])


def _read(path: Path) -> Buildings:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, skipinitialspace=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FileError(path, f"cannot be read as a table: {error}") from error
    if not rows or not {"id", *SPLITS} <= rows[0].keys():
        raise FileError(path, f"has not the columns id, {', '.join(SPLITS)} of Taskonomy's lists")
    of = {split: frozenset(row["id"] for row in rows if row[split] == "1") for split in SPLITS}
    return Buildings(path.name, path, of)
