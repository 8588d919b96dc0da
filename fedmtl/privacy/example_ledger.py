"""What training has cost a client's images so far, in all runs, held against its budget.

An entry is on the disk before the first step that it allows. A crash can therefore only count too much: a round that
was begun and never sent.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from fedmtl.config.privacy import ExamplePrivacyConfig
from fedmtl.errors import ConfigError, RefusalError, RunError
from fedmtl.privacy import accounting
from fedmtl.privacy.example_level import GradientMechanism, StepSampling
from fedmtl.privacy.release import Release

OWNER_ONLY = 0o600


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A round of training that was begun.

    Attributes:
        rate: the probability of each image in each step.
        multiplier: standard deviation of a step's noise, in units of the clipping norm.
    """

    run: str
    round: int
    rate: float
    multiplier: float
    steps: int


class Grant(NamedTuple):
    """Leave to train a round.

    Attributes:
        epsilon: what all training so far costs at `delta`, this round's included.
    """

    mechanism: GradientMechanism
    epsilon: float
    delta: float


class ExampleLedger:
    """The entries in a file of JSON lines; read anew each time, because every run of a client appends to it.

    Args:
        path: made at the first entry.
    """

    def __init__(self, path: Path, settings: ExamplePrivacyConfig) -> None:
        self._path, self._settings = path, settings

    def entries(self) -> list[Entry]:
        """Every whole entry, in order; what a crash left of a line allowed nothing.

        Raises:
            RunError: the file is damaged.
        """
        try:
            whole = self._path.read_bytes().rpartition(b"\n")[0]
            return [msgspec.json.decode(line, type=Entry) for line in whole.splitlines()]
        except FileNotFoundError:
            return []
        except (OSError, msgspec.MsgspecError) as error:
            raise RunError(f"{self._path} is damaged: {error}; restore it from a copy") from error

    def has(self, run: str, round_number: int) -> bool:
        """Whether a round was begun.

        Raises:
            RunError: the file is damaged.
        """
        return any((entry.run, entry.round) == (run, round_number) for entry in self.entries())

    def spent(self) -> float:
        """The ε that all entries together cost, at the settings' delta.

        Raises:
            ConfigError: dp-accounting is not installed.
            RunError: the file is damaged.
        """
        return accounting.epsilon(_steps(self.entries()), self._settings.delta)

    def begin(self, run: str, round_number: int, rounds: int, sampling: StepSampling) -> Grant:
        """Enter a round of a run.

        Where the noise is not set, it is found at a run's first round, so that the budget lasts to the run's last.

        Args:
            rounds: of the whole run.

        Raises:
            RefusalError: the budget does not allow it.
            RunError: the ledger is damaged or cannot be written.
        """
        entries, settings = self.entries(), self._settings
        multiplier = self._multiplier(entries, run, max(rounds - round_number, 0) + 1, sampling)
        entry = Entry(run, round_number, sampling.rate, multiplier, sampling.steps)
        epsilon = accounting.epsilon(_steps([*entries, entry]), settings.delta)
        if epsilon > settings.epsilon:
            raise self._refusal(f"one round more would make it {epsilon:.4g}")
        self._append(entry)
        return Grant(GradientMechanism(sampling, settings.clip_norm, multiplier), epsilon, settings.delta)

    def _multiplier(self, entries: list[Entry], run: str, rounds: int, sampling: StepSampling) -> float:
        settings = self._settings
        if settings.noise_multiplier is not None:
            return settings.noise_multiplier
        if former := [entry.multiplier for entry in entries if entry.run == run]:
            return former[-1]
        release = partial(Release.poisson, rate=sampling.rate)
        try:
            return accounting.solve_multiplier(
                release, rounds * sampling.steps, settings.epsilon, settings.delta, _steps(entries)
            )
        except ConfigError as error:
            raise self._refusal(str(error)) from error

    def _refusal(self, why: str) -> RefusalError:
        settings = self._settings
        return RefusalError(
            "epsilon",
            f"privacy.epsilon: training has cost these images {self.spent():.4g} of {settings.epsilon:g} at delta "
            f"{settings.delta:g}, and {why}; {self._path} has every round",
        )

    def _append(self, entry: Entry) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with open(os.open(self._path, os.O_RDWR | os.O_CREAT, OWNER_ONLY), "r+b") as file:
                whole, newline, _ = file.read().rpartition(b"\n")
                file.seek(len(whole) + len(newline))
                file.truncate()
                file.write(msgspec.json.encode(entry) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            folder = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise RunError(f"{self._path} cannot be written: {error.strerror}") from error


def _steps(entries: Iterable[Entry]) -> Counter[Release]:
    steps: Counter[Release] = Counter()
    for entry in entries:
        steps[Release.poisson(entry.multiplier, entry.rate)] += entry.steps
    return steps
