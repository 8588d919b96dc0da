"""How a submission of a run ended, by what the run's own log says and, where it says nothing, Flower."""

from __future__ import annotations

import builtins
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from fedmtl import errors
from fedmtl.errors import RunError, TooFewClientsError
from fedmtl.reporting.events import Event, read_events
from server.control import FlowerRun


class Verdict(Enum):
    """What is to be done about the run."""

    finished = "finished"
    failed = "failed"
    """By an error of its own: it would fail in the same way again."""
    waiting = "waiting"
    """Too few sites are there."""
    lost = "lost"
    """Something around it failed, or nobody knows what; it may go on from its newest checkpoint."""


class Outcome(NamedTuple):
    """A verdict and, unless the run finished, the reason."""

    verdict: Verdict
    why: str = ""


def judge(metrics: Path, since: str, run: FlowerRun) -> Outcome:
    """How the submission ended that was made at `since` (ISO 8601), and that Flower says is over."""
    finish = _finish(metrics, since)
    if run.completed or finish.get("status") == "finished":
        return Outcome(Verdict.finished)
    why = str(finish.get("error") or run.details or "its process ended without a word")
    kind = _class(str(finish.get("kind")))
    if kind is TooFewClientsError:
        return Outcome(Verdict.waiting, why)
    surroundings = kind is None or issubclass(kind, (OSError, MemoryError))
    return Outcome(Verdict.lost if surroundings else Verdict.failed, why)


def _class(name: str) -> type[BaseException] | None:
    """The error that is called so, of ours or of Python's; None for another's, such as Flower's or httpx's."""
    found = getattr(errors, name, None) or getattr(builtins, name, None)
    return found if isinstance(found, type) and issubclass(found, BaseException) else None


def _finish(metrics: Path, since: str) -> Event:
    """The last `finish` event since then; nothing where there is none."""
    try:
        events = read_events(metrics)
    except RunError:
        return {}
    ends = [event for event in events if event["event"] == "finish" and event["time"] >= since]
    return ends[-1] if ends else {}
