"""The lists that come with CelebA: which attributes an image has, and which images are in which split."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from fedmtl.data.files import FileError, MissingFileError
from fedmtl.data.splits import SPLITS, Split, is_sample_id

MARKS = {"1": 1.0, "-1": 0.0}
"""What a list has for yes and no."""
_SUFFIX = re.compile(r"\.(jpe?g|png)$", re.IGNORECASE)


@dataclass(frozen=True)
class AttributeList:
    """A row an image: its name, then 1 or −1 for each attribute.

    Attributes:
        path: the file.
        attributes: their names, in order.
        rows: image, without its suffix → its row as it stands there; 200,000 rows of 40 take 60 MB.
    """

    path: Path
    attributes: tuple[str, ...]
    rows: Mapping[str, str]

    def values(self, sample_id: str, attributes: Iterable[str]) -> list[float]:
        """1.0 for each attribute that an image has, 0.0 for others.

        Raises:
            MissingFileError: there is no row for it.
            FileError: its row is of another length, or has something else than 1 and −1.
        """
        if sample_id not in self.rows:
            raise MissingFileError(self.path, f"there is no row '{sample_id}'")
        cells = _cells(self.path, self.rows[sample_id])[1:]
        if len(cells) != len(self.attributes):
            what = f"has {len(cells)} values, but there are {len(self.attributes)} attributes"
            raise FileError(self.path, f"row '{sample_id}' {what}")
        values = []
        for attribute in attributes:
            cell = cells[self.attributes.index(attribute)]
            if cell not in MARKS:
                what = f"attribute '{attribute}': '{cell}' is neither 1 nor -1"
                raise FileError(self.path, f"row '{sample_id}', {what}")
            values.append(MARKS[cell])
        return values


def read_attributes(path: Path) -> AttributeList:
    """Read list_attr_celeba.txt (a count, the attributes, the rows), or .csv (no count).

    Raises:
        FileError: the file cannot be read, names no attributes or one twice, has two rows of one image, or another
            number of rows than it says.
    """
    lines = _lines(path)
    count = None if path.suffix == ".csv" else next(lines, "").strip()
    header = _cells(path, next(lines, ""))
    attributes = tuple(header[1:] if path.suffix == ".csv" else header)
    if not attributes or len(set(attributes)) < len(attributes):
        raise FileError(path, "does not begin with the names of attributes, each once")
    rows: dict[str, str] = {}
    for line in lines:
        sample_id = stem(_cells(path, line)[0])
        if rows.setdefault(sample_id, line) is not line:
            raise FileError(path, f"has two rows '{sample_id}'")
    if count not in (None, str(len(rows))):
        raise FileError(
            path, f"says that it has {count} rows, but has {len(rows)}; unpack or download it again"
        )
    return AttributeList(path, attributes, rows)


def read_partition(path: Path) -> dict[str, Split]:
    """Read list_eval_partition.txt or .csv: an image and 0 for training, 1 for validation, 2 for test.

    What is wrong with the file is wrong with each of its splits.
    """
    split_of: dict[str, str] = {}
    problems: list[FileError] = []
    try:
        lines = _lines(path)
        if path.suffix == ".csv":
            next(lines, "")
        for line in lines:
            name, *marks = _cells(path, line)
            sample_id = stem(name)
            if not is_sample_id(sample_id):
                problems.append(FileError(path, f"'{name}' must be a path within the folder"))
            elif sample_id in split_of:
                problems.append(FileError(path, f"'{name}' is there twice"))
            elif marks not in (["0"], ["1"], ["2"]):
                what = (
                    f"is neither 0 for training nor 1 for validation nor 2 for test, but '{' '.join(marks)}'"
                )
                problems.append(FileError(path, f"'{name}' {what}"))
            else:
                split_of[sample_id] = SPLITS[int(marks[0])]
    except FileError as error:
        problems.append(error)
    ids: dict[str, list[str]] = {split: [] for split in SPLITS}
    for sample_id, split in split_of.items():
        ids[split].append(sample_id)
    return {
        split: Split(tuple(ids[split]), tuple(problems)) for split in SPLITS if ids[split] or split != "test"
    }


def stem(name: str) -> str:
    """An image's name without its suffix: the pictures come as .jpg and as .png, and the lists say .jpg."""
    return _SUFFIX.sub("", name)


def _lines(path: Path) -> Iterator[str]:
    """The lines that are not blank."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise FileError(path, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise FileError(path, f"is not text in UTF-8: {error}") from error
    return (line for line in text.splitlines() if line.strip())


def _cells(path: Path, line: str) -> list[str]:
    return [cell.strip() for cell in line.split(",")] if path.suffix == ".csv" else line.split()
