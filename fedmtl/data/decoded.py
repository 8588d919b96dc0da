"""Decoded and resized images with their labels, kept on the disk between runs and shared by all processes."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fedmtl
from fedmtl.data.base import Source
from fedmtl.errors import DataError
from fedmtl.tasks.base import Label, Task

_START = 10
"""Bytes of a .npy file of version 1.0 before its header; the last two are the header's length."""
_LABEL = "label "
"""Goes before a task's name in a file, where `image` and `identity` are names as well."""


@dataclass(frozen=True)
class Prepared:
    """A decoded sample at its final size, before augmentation; `labels` holds only what is labelled."""

    image: NDArray[Any]
    labels: Mapping[str, Label]


class DecodedCache:
    """Samples as they are before augmentation, one file each, which is mapped into memory and not read as a whole.

    A file is called by what is asked for: the image, the tasks, the size. Within it stands what it was made of: path,
    length and time of change of each of the sample's files, and fedmtl's version. Where these have changed, the sample
    is decoded anew and the file replaced, in one step: other processes read the old one or the new one.

    Args:
        folder: where the files are; only this user can look into it once it is made.
        source: where samples come from, one that has files.
        tasks: the tasks whose labels belong to a sample.
        form: what else a sample depends on (size, resizing).
    """

    def __init__(self, folder: Path, source: Source, tasks: Sequence[Task], form: Sequence[Any]) -> None:
        self.folder = folder
        self.source = source
        self.names = [task.name for task in tasks]
        specs = sorted([task.name, task.spec.kind, *task.spec.classes] for task in tasks)
        self.form = [type(source).__qualname__, specs, *form]

    def has(self, sample_id: str) -> bool:
        """Whether the sample has a file, be it of what it was made of long ago."""
        return self._path(self.source.files(sample_id, [])[0].absolute(), sample_id).is_file()

    def get(self, sample_id: str, prepare: Callable[[], Prepared]) -> Prepared:
        """The sample from its file, or else from `prepare`, and then into its file.

        Raises:
            DataError: `prepare` raises it, or the file cannot be written, for example because the disk is full.
        """
        files = [path.absolute() for path in self.source.files(sample_id, self.names)]
        path = self._path(files[0], sample_id)
        identity = _digest([fedmtl.__version__, *map(_state, files)])
        kept = _read(path, identity)
        if kept is None:
            kept = prepare()
            _write(path, identity, kept)
        return kept

    def _path(self, image: Path, sample_id: str) -> Path:
        name = _digest([str(image), sample_id, *self.form])
        return self.folder / name[:2] / f"{name[2:]}.npy"


def default_folder() -> Path:
    """The user's own cache, as XDG_CACHE_HOME says."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fedmtl" / "decoded"


def _digest(of: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(of).encode()).hexdigest()


def _state(path: Path) -> Sequence[Any]:
    try:
        found = path.stat()
    except OSError:
        return [str(path)]  # a label that is missing, as long as it is
    return [str(path), found.st_size, found.st_mtime_ns]


def _read(path: Path, identity: str) -> Prepared | None:
    """What a file holds; None where there is none, it is damaged, or was made of something else."""
    try:
        with path.open("rb") as file:
            mapped = np.asarray(np.memmap(file, np.uint8, "r"))
        start = _START + int.from_bytes(mapped[_START - 2 : _START].tobytes(), "little")
        dtype = _form(mapped[:start].tobytes())
        record = mapped[start : start + dtype.itemsize].view(dtype).reshape(())
        if dtype.names is None or record["identity"].item() != identity.encode():
            return None
        labels = {name.removeprefix(_LABEL): record[name] for name in dtype.names if name.startswith(_LABEL)}
        return Prepared(record["image"], labels)
    except (OSError, ValueError, EOFError, SyntaxError):
        return None


@lru_cache(maxsize=64)
def _form(header: bytes) -> np.dtype[Any]:
    """The dtype of the one record of a .npy file that begins so; the samples of a source have few."""
    file = BytesIO(header)
    np.lib.format.read_magic(file)
    return np.lib.format.read_array_header_1_0(file)[2]


def _write(path: Path, identity: str, prepared: Prepared) -> None:
    arrays = {
        "image": prepared.image,
        **{f"{_LABEL}{name}": label for name, label in prepared.labels.items()},
    }
    fields = [(name, array.dtype, array.shape) for name, array in arrays.items()]
    record = np.zeros((), np.dtype([("identity", f"S{len(identity)}"), *fields], align=True))
    record["identity"] = identity
    for name, array in arrays.items():
        record[name] = array
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.mkdir(exist_ok=True)
        with partial.open("wb") as file:
            np.lib.format.write_array(file, record, version=(1, 0))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise DataError(
            f"{path} cannot be written: {error.strerror}; make room, name another data.cache_folder, or set "
            "data.cache=memory"
        ) from error
