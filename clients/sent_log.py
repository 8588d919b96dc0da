"""The log of everything that a site sent: one line an answer, on the disk before the answer leaves.

Each line has the hash of the one before it, and the ledger that of the last, so a line that is changed or taken out
is seen.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from fedmtl.deployment.files import PRIVATE
from fedmtl.errors import RunError

BEGINNING = "0" * 64
"""What the first line has for the hash of the one before it."""


class Part(msgspec.Struct, frozen=True):
    """One piece of an answer: a group's vector, a task's statistics, or the text."""

    name: str
    size: int = msgspec.field(name="bytes")
    sha256: str

    @classmethod
    def of(cls, name: str, data: bytes) -> Part:
        return cls(name, len(data), sha256(data).hexdigest())


class Sent(msgspec.Struct, frozen=True):
    """One answer.

    Attributes:
        time: UTC, ISO 8601.
        run: fedmtl's id of it, empty where the question names none.
        kind: of the question, for example query.describe, query.join, train, evaluate or query.unmask.
        error: of an error reply, all that it says.
        before: the hash of the line before this one.
    """

    time: str
    run: str
    round: int
    kind: str
    parts: tuple[Part, ...]
    size: int = msgspec.field(name="bytes")
    error: str
    before: str


class SentLog:
    """The log in a file of JSON lines.

    Args:
        answers: how many lines it must have at least.
        head: the hash of the newest line of an answer that left; empty where there is none.

    Raises:
        RunError: a line was changed or taken out.
    """

    def __init__(self, path: Path, answers: int, head: str) -> None:
        self._path = path
        _cut_torn(path)
        self._head = check_log(path, answers, head)

    def append(
        self, run: str, round_number: int, kind: str, parts: Mapping[str, bytes], error: str = ""
    ) -> tuple[int, str]:
        """Write the line of an answer; returns the answer's bytes and the line's hash.

        Raises:
            RunError: it cannot be written, for example because the disk is full.
        """
        listed = tuple(Part.of(name, data) for name, data in parts.items())
        size = sum(part.size for part in listed)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        line = msgspec.json.encode(Sent(now, run, round_number, kind, listed, size, error, self._head))
        _append(self._path, line)
        self._head = sha256(line).hexdigest()
        return size, self._head


def check_log(path: Path, answers: int, head: str) -> str:
    """Check a log, which another process may be writing; arguments as of `SentLog`. Returns its last line's hash.

    Raises:
        RunError: a line was changed or taken out.
    """
    heads = [BEGINNING, *_heads(path)]
    # Who was killed between the log and the ledger has left a line too many, and its answer has not left.
    if answers and head not in heads[answers:]:
        raise RunError(
            f"{path} does not have the {answers} answers that left this site: lines were changed or taken out; "
            "restore it from a copy"
        )
    return heads[-1]


def _append(path: Path, line: bytes) -> None:
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE), "ab") as file:
            file.write(line + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror}") from error


def _cut_torn(path: Path) -> None:
    """Take out what a crash left of a line; its answer was never sent."""
    with suppress(FileNotFoundError), path.open("r+b") as file:
        whole, newline, torn = file.read().rpartition(b"\n")
        if torn:
            file.truncate(len(whole) + len(newline))


def _heads(path: Path) -> list[str]:
    """The hash of each whole line."""
    try:
        whole = path.read_bytes().rpartition(b"\n")[0]
    except FileNotFoundError:
        return []
    heads, before = [], BEGINNING
    for number, line in enumerate(whole.splitlines(), start=1):
        if _before(line) != before:
            raise RunError(
                f"{path}: line {number} does not follow the one before it: a line was changed or taken out; "
                "restore it from a copy"
            )
        before = sha256(line).hexdigest()
        heads.append(before)
    return heads


def _before(line: bytes) -> Any:
    try:
        return msgspec.json.decode(line, type=Sent).before
    except msgspec.MsgspecError:
        return None
