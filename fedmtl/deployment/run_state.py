"""deployment.json: what becomes of one run in a deployment; written by the keeper and by those who ask it things."""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from fedmtl.deployment.files import write_file
from fedmtl.errors import RunError, did_you_mean

logger = logging.getLogger(__name__)

Stage = Literal["queued", "running", "stopping", "stopped", "finished", "failed"]
OVER: frozenset[Stage] = frozenset({"stopped", "finished", "failed"})
_FILE = "deployment.json"


class RunState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a run stands.

    Attributes:
        queued: when it was asked for, ISO 8601; runs are begun in this order.
        flower_run: Flower's id of the submission that works on it, None while there is none.
        submitted: when that was submitted, ISO 8601.
        submissions: how often it was submitted.
        setbacks: how often in a row a submission was lost without a new checkpoint.
        checkpoint: the round of the newest checkpoint when it was submitted.
        error: why it does not go on, or failed; empty where nothing is wrong.
    """

    state: Stage
    queued: str
    flower_run: int | None = None
    submitted: str = ""
    submissions: int = 0
    setbacks: int = 0
    checkpoint: int = 0
    error: str = ""

    @property
    def over(self) -> bool:
        """Whether nothing will happen any more unless somebody resumes it."""
        return self.state in OVER


def now() -> str:
    """The time, as the metrics log writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def deployed_runs(runs: Path) -> list[Path]:
    """The folders of a server's runs, in the order in which they were asked for; damaged ones are left out."""
    found = []
    for path in runs.glob(f"*/{_FILE}"):
        try:
            found.append((read_run_state(path.parent).queued, path.parent))
        except RunError as error:
            logger.warning("%s", error)
    return [folder for _, folder in sorted(found)]


def find_run(runs: Path, name: str) -> Path:
    """The folder of a server's run.

    Raises:
        RunError: there is none of that name.
    """
    known = {path.parent.name: path.parent for path in runs.glob(f"*/{_FILE}")}
    if name not in known:
        raise RunError(f"there is no run '{name}' in {runs}; {did_you_mean(name, known)}")
    return known[name]


def is_deployed(folder: Path) -> bool:
    """Whether the run in `folder` is a deployment's, so that its clients' models and data are elsewhere."""
    return (folder / _FILE).exists()


def read_run_state(folder: Path) -> RunState:
    """Where the run in `folder` stands.

    Raises:
        RunError: it is no run of a deployment, or the file is damaged.
    """
    path = folder / _FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=RunState)
    except FileNotFoundError as error:
        raise RunError(f"{folder} is no run of a deployment: it has no {_FILE}") from error
    except (OSError, msgspec.MsgspecError) as error:
        raise RunError(f"{path} is damaged: {error}; restore it from a copy") from error


def queue_run(folder: Path) -> RunState:
    """Ask for a run, whose folder is there, to be begun.

    Raises:
        RunError: the file cannot be written.
    """
    state = RunState("queued", now())
    _write(folder, state)
    return state


def change_run_state(folder: Path, change: Callable[[RunState], RunState]) -> RunState:
    """Replace what is known of a run, atomically, and with nobody else changing it meanwhile.

    Raises:
        RunError: it cannot be read or written.
    """
    lock = folder / "deployment.lock"
    try:
        with lock.open("a") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            state = change(read_run_state(folder))
            _write(folder, state)
            return state
    except OSError as error:
        raise RunError(f"{lock} cannot be written: {error.strerror}") from error


def _write(folder: Path, state: RunState) -> None:
    write_file(folder / _FILE, msgspec.json.format(msgspec.json.encode(state)) + b"\n")
