"""What was released so far: a file of which a line is on disk before its release is made.

A crash in between leaves a line for a release that nobody saw, and rounds that a resume does again are released again
with new noise and have two: what the ledger adds up to can only be too much.
"""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from fedmtl.errors import RunError
from fedmtl.privacy.release import Release


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One release, the round that it was of, and when it was entered (ISO 8601)."""

    round: int
    time: str
    release: Release


class Ledger:
    """The releases of a run, in a file of one JSON object a line that only grows.

    Args:
        path: made at the first entry.
        least: the entries that there must be, as a checkpoint knows them.

    Attributes:
        entries: in the order in which they were made.

    Raises:
        RunError: the file is damaged or too short.
    """

    def __init__(self, path: Path, least: int = 0) -> None:
        self._path = path
        try:
            data = path.read_bytes() if path.exists() else b""
        except OSError as error:
            raise RunError(f"{path} cannot be read: {error.strerror}") from error
        # A torn last line is an entry that was not on disk, so its release was not made.
        self._whole = data.rfind(b"\n") + 1
        try:
            decoder = msgspec.json.Decoder(Entry)
            self.entries = [decoder.decode(line) for line in data[: self._whole].splitlines()]
        except msgspec.MsgspecError as error:
            raise RunError(f"{path} is damaged: {error}; restore it from a copy") from error
        if len(self.entries) < least:
            raise RunError(
                f"{path} has {len(self.entries)} releases where the run has made {least}: restore it from a copy, for "
                "what they cost cannot be known without it"
            )

    @property
    def releases(self) -> Counter[Release]:
        """Which releases there were, and how often."""
        return Counter(entry.release for entry in self.entries)

    def enter(self, round_number: int, release: Release) -> None:
        """Enter a release that is about to be made; it is on disk when this returns.

        Raises:
            RunError: it cannot be written; the release must not be made.
        """
        entry = Entry(round_number, datetime.now(UTC).isoformat(timespec="milliseconds"), release)
        line = msgspec.json.encode(entry) + b"\n"
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
            with os.fdopen(descriptor, "r+b") as file:
                file.truncate(self._whole)
                file.seek(self._whole)
                file.write(line)
                file.flush()
                os.fsync(descriptor)
            _sync_folder(self._path.parent)
        except OSError as error:
            raise RunError(f"{self._path} cannot be written: {error.strerror}") from error
        self._whole += len(line)
        self.entries.append(entry)


def _sync_folder(folder: Path) -> None:
    """Have a new file's name on disk as well."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
