"""Folders that are written to: theirs alone, writable, and with room left."""

from __future__ import annotations

import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fedmtl.deployment.doctor.finding import Finding, Subject

GIGABYTE = 10**9


def check_state(folder: Path) -> Iterator[Finding]:
    """Whether the folder of a server's or a site's state can be written, and is closed to other users."""
    subject, folder = Subject("state"), folder.absolute()
    existing = _existing(folder)
    try:
        with tempfile.TemporaryFile(dir=existing) as file:
            file.write(b"\0")
    except OSError as error:
        yield subject.fail(
            f"{existing} cannot be written: {error.strerror}",
            "give it to the user that runs fedmtl, and free the disk",
        )
        return
    if existing == folder and stat.S_IMODE(folder.stat().st_mode) & 0o077:
        yield subject.warn(f"{folder} is open to other users of this machine", f"run chmod 700 {folder}")
    else:
        yield subject.ok(f"{folder} can be written" if existing == folder else f"{folder} will be made")


def check_disk(folder: Path, needed: int, what: str) -> Iterator[Finding]:
    """Whether the disk of `folder` has room for `needed` bytes, and for as much again to be at ease.

    Args:
        what: they are for.
    """
    subject = Subject("disk")
    free = shutil.disk_usage(_existing(folder)).free
    found = f"{free / GIGABYTE:.1f} GB are free at {folder}; {needed / GIGABYTE:.1f} GB are needed for {what}"
    if free < needed:
        yield subject.fail(found, "free some, or move the folder to another disk")
    elif free < 2 * needed:
        yield subject.warn(found, "free some before it becomes less")
    else:
        yield subject.ok(found)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())
