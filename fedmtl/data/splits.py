"""The split files of a data-set folder: one sample id a line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fedmtl.data.files import FileError

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class Split:
    """The ids of a split, and what is wrong with its file."""

    ids: tuple[str, ...]
    problems: tuple[FileError, ...]


def read_split(path: Path) -> Split:
    """Read a split file; blank lines are skipped, and an id that stands twice counts once."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        return Split((), (FileError(path, f"cannot be read: {error.strerror}"),))
    except UnicodeDecodeError as error:
        return Split((), (FileError(path, f"is not text in UTF-8: {error}"),))
    ids: dict[str, None] = {}
    problems = []
    for number, line in enumerate(lines, start=1):
        sample_id = line.strip()
        if not sample_id:
            continue
        if not is_sample_id(sample_id):
            problems.append(FileError(path, f"line {number}: '{sample_id}' must be a path within the folder"))
        elif sample_id in ids:
            problems.append(FileError(path, f"line {number}: '{sample_id}' is there twice"))
        else:
            ids[sample_id] = None
    return Split(tuple(ids), tuple(problems))


def is_sample_id(text: str) -> bool:
    """Whether joining `text` to a folder stays within it, on every operating system."""
    parts = PurePosixPath(text).parts
    within = not text.startswith("/") and ".." not in parts and not set(text) & set("\\:\0")
    return bool(parts) and within and "/".join(parts) == text
