"""Numbered snapshots of tensors and plain state in one folder: what checkpoints and private state are kept in."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from fedmtl.errors import RunError
from fedmtl.tensor_file import Tensors, read_tensors, write_tensors

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
        return write_tensors(self.path(round_number), tensors, state)

    def read(self, round_number: int) -> tuple[Tensors, dict[str, Any]]:
        """Tensors and state of a round.

        Raises:
            RunError: there is no such snapshot, or it is damaged.
        """
        path = self.path(round_number)
        if not path.is_file():
            have = ", ".join(map(str, self.rounds())) or "none"
            raise RunError(f"{path} is missing (rounds kept there: {have})")
        return read_tensors(path)

    def keep(self, rounds: Collection[int]) -> None:
        """Delete every snapshot of a round that is not in `rounds`."""
        for number in set(self.rounds()) - set(rounds):
            self.path(number).unlink()
