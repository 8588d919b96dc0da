"""The metrics log: one JSON object a line in metrics.jsonl, from which everything else here is made.

A line is whole or it is not there: the torn line that a killed process may leave is dropped.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from fedmtl.errors import RunError, did_you_mean

Event = dict[str, Any]
Listener = Callable[[Event], None]

_TRAFFIC = ("seconds", "bytes_up", "bytes_down")
FIELDS: Mapping[str, frozenset[str]] = {
    "start": frozenset({"run_id", "name", "engine", "rounds", "method", "clients", "tasks", "round"}),
    "resume": frozenset({"round"}),
    "train": frozenset({"round", "client", "images", "steps", *_TRAFFIC}),
    "evaluate": frozenset({"round", "client", "images", *_TRAFFIC}),
    "metric": frozenset(
        {"round", "client", "task", "metric", "value", "split", "primary", "higher_is_better"},
    ),
    "failure": frozenset({"round", "client", "phase", "error"}),
    "round": frozenset({"round", "clients", "failed", *_TRAFFIC}),
    "privacy": frozenset({"round", "epsilon", "delta", "releases", "multiplier"}),
    "checkpoint": frozenset({"round", "seconds", "bytes"}),
    "finish": frozenset({"round", "seconds", "status"}),
}
"""The fields that each event has at least.

`start` also has `versions`: package → version, `exchange`: way (up, down) → codec, and `privacy`: see
`fedmtl.reporting.history.Privacy`; `train` may have `epsilon` and `delta`: what a client says that all its training so
far has cost its images in differential privacy; `finish` may have `error`: why the run failed, and `kind`: the class of
that error.

A metric's `client` is null where it is pooled over clients. Under secure sums, the server knows neither `images` nor
`steps` nor `seconds` of a client: they are null.
"""


class MetricsLog:
    """Appends events to metrics.jsonl and tells listeners; every line is on its way to disk before they hear.

    Args:
        path: the file; continued where it exists, a torn last line dropped.
        listeners: called in order with each event as written, that is with its time and with null for a
            metric that is not finite.

    Raises:
        RunError: the file cannot be written.
    """

    def __init__(self, path: Path, listeners: Iterable[Listener] = ()) -> None:
        self.path = path
        self.listeners = list(listeners)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                _drop_torn_line(path)
            self._file = path.open("a", encoding="utf-8", buffering=1)
        except OSError as error:
            raise RunError(f"{path} cannot be written: {error.strerror}") from error

    def append(self, event: Mapping[str, Any]) -> None:
        """Write one event, with the time of now unless it has one.

        Raises:
            RunError: the event is unknown, lacks a field, or has what JSON has not, such as a number that is
                not finite (other than a metric's value, which becomes null); or the file cannot be written.
        """
        stamped = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **event}
        _check(stamped)
        if stamped["event"] == "metric":
            stamped["value"] = _finite_or_none(stamped["value"])
        try:
            line = json.dumps(stamped, allow_nan=False, ensure_ascii=False)
        except (TypeError, ValueError) as error:
            raise RunError(f"event '{stamped['event']}' cannot be written as JSON: {error}") from error
        try:
            self._file.write(line + "\n")
        except OSError as error:
            raise RunError(f"{self.path} cannot be written: {error.strerror}") from error
        for listener in self.listeners:
            listener(stamped)

    def truncate_after(self, last_round: int) -> None:
        """Forget, in one atomic step, what a resume does anew: every event of a later round but failures.

        Raises:
            RunError: the file cannot be written; it is as it was.
        """
        events = read_events(self.path)
        kept = [event for event in events if event["round"] <= last_round or event["event"] == "failure"]
        replacement = self.path.with_suffix(".tmp")
        try:
            with replacement.open("w", encoding="utf-8") as file:
                file.writelines(json.dumps(event, ensure_ascii=False) + "\n" for event in kept)
                file.flush()
                os.fsync(file.fileno())
            self._file.close()
            replacement.replace(self.path)
            self._file = self.path.open("a", encoding="utf-8", buffering=1)
        except OSError as error:
            with suppress(OSError):
                replacement.unlink(missing_ok=True)
            raise RunError(f"{self.path} cannot be written: {error.strerror}") from error

    def close(self) -> None:
        """Close the file; listeners are their owner's to close."""
        with suppress(OSError):  # the disk is full, which the last append has said
            self._file.close()

    def __enter__(self) -> MetricsLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_events(path: Path) -> list[Event]:
    """Every whole event of a metrics.jsonl, in order.

    Raises:
        RunError: there is no such file, or a line in it is damaged; names the line.
    """
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError as error:
        raise RunError(f"{path} does not exist: give the directory of a run that has started") from error
    return [
        parse_event(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.endswith(b"\n")
    ]


def parse_event(line: bytes, where: str) -> Event:
    """One line as an event; `where` is what the message calls it.

    Raises:
        RunError: the line is not the JSON of a known event.
    """
    try:
        event = json.loads(line)
    except ValueError as error:
        raise RunError(f"{where} is not JSON: delete that line to read the rest") from error
    if not isinstance(event, dict):
        raise RunError(f"{where} is not an event: delete that line to read the rest")
    _check(event, f"{where}: ")
    return event


def _check(event: Mapping[str, Any], where: str = "") -> None:
    name = str(event.get("event"))
    if name not in FIELDS:
        raise RunError(f"{where}unknown event '{name}': {did_you_mean(name, FIELDS)}")
    missing = sorted(FIELDS[name] - event.keys())
    if missing:
        raise RunError(f"{where}event '{name}' lacks {', '.join(missing)}")


def _finite_or_none(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _drop_torn_line(path: Path) -> None:
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        with path.open("r+b") as file:
            file.truncate(whole)
