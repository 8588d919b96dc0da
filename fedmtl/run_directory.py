"""The folder that a run leaves behind: what is where, and who may write it."""

from __future__ import annotations

import json
import secrets
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import msgspec

from fedmtl import __version__
from fedmtl.config import Scenario
from fedmtl.errors import RunError
from fedmtl.locking import hold
from fedmtl.scenario import load_scenario, to_yaml
from fedmtl.snapshots import Snapshots

OWN_METRICS = "metrics.jsonl"
"""In a client's folder, its own losses and metrics, where `privacy.secure_sums` keeps them from the run's log."""


@dataclass(frozen=True)
class RunDirectory:
    """The paths of one run."""

    path: Path

    @classmethod
    def create(cls, path: Path, scenario: Scenario) -> RunDirectory:
        """A new run's folder with its resolved config and identity.

        Raises:
            RunError: the folder holds something already, or cannot be written.
        """
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise RunError(
                f"{path} is not empty: go on with 'fedmtl resume {path}', or choose another folder with --out"
            )
        identity = {
            "run": secrets.token_hex(8),
            "fedmtl": __version__,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        try:
            path.mkdir(parents=True, exist_ok=True)
            (path / "config.yaml").write_text(to_yaml(scenario), encoding="utf-8")
            (path / "run.json").write_text(json.dumps(identity, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            raise RunError(f"{path} cannot be written: {error.strerror}") from error
        return cls(path)

    @staticmethod
    def first_free(path: Path) -> Path:
        """`path`, or the first of <path>-2, -3, … that is not there yet."""
        folder, number = path, 2
        while folder.exists():
            folder, number = path.with_name(f"{path.name}-{number}"), number + 1
        return folder

    @classmethod
    def open(cls, path: Path) -> RunDirectory:
        """An existing run's folder.

        Raises:
            RunError: it is none.
        """
        if not (path / "config.yaml").is_file() or not (path / "run.json").is_file():
            raise RunError(f"{path} is not a run: it has no config.yaml or no run.json")
        return cls(path)

    def lock(self) -> AbstractContextManager[None]:
        """Hold the run for this process, as whoever writes to it has to.

        Raises:
            RunError: on entering, if another process holds it, which is named, or the folder cannot be written.
        """
        return hold(self.lock_file, "wait for it or end it, then resume the run")

    @property
    def lock_file(self) -> Path:
        return self.path / "run.lock"

    @cached_property
    def identity(self) -> dict[str, str]:
        """The run's id under `run`, the version that made it, and when.

        Raises:
            RunError: run.json is damaged.
        """
        path = self.path / "run.json"
        try:
            return msgspec.json.decode(path.read_bytes(), type=dict[str, str])
        except (OSError, msgspec.MsgspecError) as error:
            raise RunError(f"{path} is damaged: {error}; restore it from a copy") from error

    @cached_property
    def scenario(self) -> Scenario:
        """The resolved scenario; raises ConfigError where `config.yaml` is broken."""
        return load_scenario(self.path / "config.yaml")

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def privacy_ledger(self) -> Path:
        """Every noisy release of the run, with client-level differential privacy."""
        return self.path / "privacy.jsonl"

    @property
    def report(self) -> Path:
        return self.path / "report.html"

    @property
    def tensorboard(self) -> Path:
        return self.path / "tensorboard"

    @property
    def checkpoints(self) -> Snapshots:
        """The server's checkpoints."""
        return Snapshots(self.path / "checkpoints")

    def client_folder(self, client: str) -> Path:
        """In simulation, what a client has to itself: its private state and its best model."""
        return self.path / "checkpoints" / "clients" / client

    def private_states(self, client: str) -> Snapshots:
        """In simulation, the private state of a client."""
        return Snapshots(self.client_folder(client))
