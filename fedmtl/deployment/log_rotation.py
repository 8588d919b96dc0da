"""Rotation of log files that another process has open."""

from __future__ import annotations

import shutil
from pathlib import Path

LARGEST = 10 * 2**20
"""Bytes of a log file before it is rotated."""
KEPT = 5
"""Older log files that are kept: name.1 is the newest of them."""


def rotate(log: Path, largest: int = LARGEST, kept: int = KEPT) -> bool:
    """Move what `log` holds to `<log>.1`, that to `<log>.2` and so on, where it is larger than `largest` bytes.

    The file is copied and then emptied, because the process that writes to it (appending, as all of ours do) keeps it
    open; what it writes in between is lost.
    """
    if not log.exists() or log.stat().st_size <= largest:
        return False
    for number in range(kept - 1, 0, -1):
        older = _numbered(log, number)
        if older.exists():
            older.replace(_numbered(log, number + 1))
    shutil.copyfile(log, _numbered(log, 1))
    with log.open("r+b") as file:
        file.truncate()
    return True


def _numbered(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")
