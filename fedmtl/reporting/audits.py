"""What an audit found, as a file beside the run and as a section of its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from fedmtl.errors import RunError
from fedmtl.reporting.page import render, write

FOLDER = "audits"
"""Of a run's audits, within its own."""
Row = Mapping[str, str | int | float | None]


class Picture(msgspec.Struct, frozen=True):
    """A picture under its name, as a data URI."""

    name: str
    uri: str


class Strip(msgspec.Struct, frozen=True):
    """Pictures to be seen side by side."""

    caption: str
    pictures: tuple[Picture, ...]


class Findings(msgspec.Struct, frozen=True):
    """What an audit found.

    Attributes:
        audit: its name.
        title: what was attacked, and how.
        threat: who the attacker is, what it sees and what it is given.
        verdict: what was found, in a sentence or two.
        rows: the main table, of flat rows.
        details: what the table sums up.
    """

    audit: str
    title: str
    threat: str
    verdict: str
    rows: tuple[Row, ...]
    details: tuple[Row, ...] = ()
    strips: tuple[Strip, ...] = ()

    @property
    def columns(self) -> list[str]:
        """The columns of `rows`, in the order in which they come."""
        return columns(self.rows)


def columns(rows: Sequence[Row]) -> list[str]:
    """The keys of all rows, in the order in which they come."""
    return list(dict.fromkeys(key for row in rows for key in row))


def save_findings(folder: Path, findings: Findings) -> Path:
    """Write the findings into `folder`, over those that an earlier audit of that name left there.

    Raises:
        RunError: they cannot be written.
    """
    path = folder / f"{findings.audit}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"{folder} cannot be written: {error.strerror}") from error
    write(path, msgspec.json.format(msgspec.json.encode(findings), indent=1).decode() + "\n")
    return path


def read_findings(folder: Path) -> list[Findings]:
    """Everything that audits left in `folder`, by name.

    Raises:
        RunError: a file is damaged.
    """
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            found.append(msgspec.json.decode(path.read_bytes(), type=Findings))
        except (OSError, msgspec.MsgspecError) as error:
            raise RunError(f"{path} is damaged: {error}; audit again") from error
    return found


def write_page(path: Path, name: str, found: Sequence[Findings]) -> None:
    """Write a page of findings by themselves, for an audit of a scenario.

    Raises:
        RunError: it cannot be written.
    """
    write(path, render("audit.html.j2", name=name, audits=found))


def plain(findings: Findings) -> dict[str, Any]:
    """The findings without their pictures, for a terminal."""
    told: dict[str, Any] = msgspec.to_builtins(findings)
    del told["strips"]
    return told
