"""status.json: what the server last knew of itself, for whoever asks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from fedmtl.deployment.files import write_file
from fedmtl.deployment.server_folder import ServerFolder
from fedmtl.locking import is_held


class ProcessStatus(msgspec.Struct, frozen=True):
    """One of the server's processes; `trouble` is why it is not ready, if it is not."""

    name: str
    pid: int | None
    ready: bool
    restarts: int
    trouble: str


class ServerStatus(msgspec.Struct, frozen=True):
    """The server.

    Attributes:
        time: when this was written, ISO 8601.
        sites: registered sites → registered, online or offline, in Flower's words.
        trouble: what keeps the server from its work; empty where nothing does.
    """

    pid: int
    time: str
    processes: tuple[ProcessStatus, ...] = ()
    sites: Mapping[str, str] = {}
    trouble: str = ""


def lock_of(folder: ServerFolder) -> Path:
    """What the server's process holds while it lives."""
    return folder.state / "server.lock"


def write_status(folder: ServerFolder, status: ServerStatus) -> None:
    """Write status.json atomically.

    Raises:
        RunError: it cannot be written.
    """
    write_file(_path(folder), msgspec.json.encode(status))


def read_status(folder: ServerFolder) -> ServerStatus | None:
    """The status of a server that lives; None where none does, or it has not said anything yet."""
    if not is_held(lock_of(folder)):
        return None
    try:
        return msgspec.json.decode(_path(folder).read_bytes(), type=ServerStatus)
    except (OSError, msgspec.MsgspecError):
        return None


def _path(folder: ServerFolder) -> Path:
    return folder.state / "status.json"
