"""What a check found, and how checks are carried out: at the same time, within bounds, and without ever raising."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from threading import Thread
from typing import Literal

from fedmtl.errors import FedmtlError

Status = Literal["ok", "warn", "fail"]

LIMIT_SECONDS = 15.0


@dataclass(frozen=True)
class Finding:
    """One line.

    Attributes:
        check: the subject.
        found: what is so, in a clause.
        advice: what to do; empty where nothing is to be done, or `found` says it.
    """

    check: str
    status: Status
    found: str
    advice: str = ""

    def __str__(self) -> str:
        """For a terminal."""
        return f"{self.status:<5}{self.check:<12}{self.found}{f'; {self.advice}' if self.advice else ''}"


@dataclass(frozen=True)
class Subject:
    """What findings are about."""

    name: str

    def ok(self, found: str) -> Finding:
        return Finding(self.name, "ok", found)

    def warn(self, found: str, advice: str) -> Finding:
        return Finding(self.name, "warn", found, advice)

    def fail(self, found: str, advice: str = "") -> Finding:
        return Finding(self.name, "fail", found, advice)


@dataclass(frozen=True)
class Check:
    """Something to look at.

    Attributes:
        subject: of the finding that says that the check itself broke.
        look: may raise; what it found before that counts.
        seconds: how long it may take.
    """

    subject: str
    look: Callable[[], Iterable[Finding]]
    seconds: float = LIMIT_SECONDS


def examine(checks: Sequence[Check]) -> list[Finding]:
    """Carry out all checks at once; their findings come in the order of the checks."""
    begun = time.monotonic()
    running = [_Running(check) for check in checks]
    return [finding for each in running for finding in each.wait(begun)]


@dataclass
class _Running:
    """A check in a thread of its own, which the process does not wait for if it hangs."""

    check: Check
    found: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._thread = Thread(target=self._look, name=f"check of {self.check.subject}", daemon=True)
        self._thread.start()

    def _look(self) -> None:
        subject = Subject(self.check.subject)
        try:
            self.found.extend(self.check.look())
        except FedmtlError as error:
            self.found.append(subject.fail(_one_line(error)))
        except Exception as error:
            reason = f"{type(error).__name__}: {_one_line(error)}"
            self.found.append(subject.fail(f"the check broke: {reason}", "report this as a fault of fedmtl"))

    def wait(self, begun: float) -> list[Finding]:
        self._thread.join(max(begun + self.check.seconds - time.monotonic(), 0.0))
        found = list(self.found)
        if self._thread.is_alive():
            found.append(
                Subject(self.check.subject).fail(
                    f"the check did not end within {self.check.seconds:g} s",
                    "see what this machine is busy with",
                )
            )
        return found


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
