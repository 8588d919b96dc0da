"""Locks of folders: held by one process at a time, and let go of when it ends, however it ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fedmtl.errors import RunError


@contextmanager
def hold(lock: Path, otherwise: str) -> Iterator[None]:
    """Hold the file `lock`, which says by whom it is held.

    Args:
        otherwise: the way out, at the end of the error's sentence.

    Raises:
        RunError: another process holds it, which is named; or it cannot be written.
    """
    try:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise RunError(f"{lock} cannot be written: {error.strerror}") from error
    with os.fdopen(descriptor, "r+") as file:
        if not _taken(descriptor):
            holder = file.read().strip() or "unknown"
            raise RunError(f"{lock.parent} is in use by process {holder}: {otherwise}")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield


def is_held(lock: Path) -> bool:
    """Whether some process holds the file `lock`.

    Raises:
        RunError: this user cannot tell.
    """
    try:
        descriptor = os.open(lock, os.O_RDWR)
    except PermissionError as error:
        raise RunError(
            f"{lock} cannot be opened: {error.strerror}; do this as the user whom it belongs to"
        ) from error
    except OSError:
        return False
    try:
        return not _taken(descriptor)
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
