"""Files of a kit: they appear whole, and private ones are nobody else's from the first byte."""

from __future__ import annotations

import os
import re
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from fedmtl.errors import ConfigError, RunError

PRIVATE = 0o600
SCRIPT = 0o755
PLAIN = 0o644
_PARTIAL = re.compile(r"\..+\.[0-9a-f]{8}")
"""What `_replace` calls a file until it is whole."""


def write_file(path: Path, content: bytes, mode: int = PLAIN) -> bool:
    """Write a file atomically and durably, its folder too where there is none.

    Args:
        mode: permission bits; the process's umask may take some away.

    Returns:
        Whether anything changed: a file that holds `content` already is left alone.

    Raises:
        RunError: it cannot be written; what was there is untouched.
    """
    try:
        if path.is_file() and path.read_bytes() == content:
            return False
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, content, mode)
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror}") from error
    return True


def _replace(path: Path, content: bytes, mode: int) -> None:
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        # Created with its mode: there is no moment at which another user could open a private key.
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def remove_partials(folder: Path) -> None:
    """Remove what writes have left in `folder` that were killed; nobody else may be writing there.

    Raises:
        RunError: one cannot be removed.
    """
    try:
        for path in folder.iterdir():
            if _PARTIAL.fullmatch(path.name) and path.is_file():
                path.unlink()
    except OSError as error:
        raise RunError(f"{error.filename or folder} cannot be removed: {error.strerror}") from error


def make_folder(path: Path, mode: int = 0o755) -> None:
    """Make a folder where there is none.

    Raises:
        RunError: it cannot be made.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.mkdir(mode=mode, exist_ok=True)
    except OSError as error:
        raise RunError(f"{error.filename or path} cannot be made: {error.strerror}") from error


def read_file(path: Path) -> bytes:
    """A file's bytes.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error


def read_private(path: Path) -> bytes:
    """The bytes of a file that is its owner's alone.

    Raises:
        ConfigError: it cannot be read, or others may read or write it.
    """
    content = read_file(path)
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise ConfigError(f"{path} can be opened by other users of this machine: run chmod 600 {path}")
    return content
