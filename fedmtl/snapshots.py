"""Numbered snapshots of tensors and plain state in one folder: what checkpoints and private state are kept in.

A snapshot is one safetensors file with the state as JSON in its header, so that a single rename makes it
appear whole or not at all.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from fedmtl.errors import RunError

Tensors = dict[str, NDArray[Any]]
_NAME = re.compile(r"round-(\d{6,})\.safetensors")


class Snapshots:
    """The snapshots of one folder, by round.

    Args:
        folder: made at the first write.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def rounds(self) -> list[int]:
        """The rounds that have a snapshot, rising."""
        if not self.folder.is_dir():
            return []
        return sorted(
            int(match[1]) for path in self.folder.iterdir() if (match := _NAME.fullmatch(path.name))
        )

    def path(self, round_number: int) -> Path:
        """Where the snapshot of a round is."""
        return self.folder / f"round-{round_number:06d}.safetensors"

    def write(self, round_number: int, tensors: Mapping[str, NDArray[Any]], state: Mapping[str, Any]) -> int:
        """Write a snapshot atomically and durably; returns its bytes.

        Raises:
            RunError: it cannot be written, for example because the disk is full; older ones are untouched.
        """
        path = self.path(round_number)
        partial = path.with_suffix(".partial")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            # safetensors writes an array's memory as it lies there, whatever its strides.
            contiguous = {name: np.asarray(tensor, order="C") for name, tensor in tensors.items()}
            save_file(contiguous, partial, metadata={"state": json.dumps(state)})
            _sync(partial)
            partial.replace(path)
            _sync(self.folder)
            return path.stat().st_size
        except (OSError, SafetensorError) as error:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            raise RunError(f"{path} cannot be written: {error}") from error

    def read(self, round_number: int) -> tuple[Tensors, dict[str, Any]]:
        """Tensors and state of a round.

        Raises:
            RunError: there is no such snapshot, or it is damaged.
        """
        path = self.path(round_number)
        if not path.is_file():
            have = ", ".join(map(str, self.rounds())) or "none"
            raise RunError(f"{path} is missing (rounds kept there: {have})")
        try:
            with safe_open(path, "numpy") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 not a dict
                return tensors, json.loads((file.metadata() or {})["state"])
        except (OSError, SafetensorError, KeyError, ValueError) as error:
            raise RunError(f"{path} is damaged: {error}; restore it from a copy") from error

    def keep(self, rounds: Collection[int]) -> None:
        """Delete every snapshot of a round that is not in `rounds`."""
        for number in set(self.rounds()) - set(rounds):
            self.path(number).unlink()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
