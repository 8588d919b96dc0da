"""Decoded and resized images and labels, kept on the disk between runs and shared by all clients and processes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

import fedmtl
from fedmtl.data.base import Source
from fedmtl.data.parts_file import Part, read_parts, write_parts
from fedmtl.errors import DataError
from fedmtl.tasks.base import Label, Task

_IMAGE = "image"
"""What the image is called in a file, where labels are called by digests."""


@dataclass(frozen=True)
class Prepared:
    """A decoded sample at its final scale, before augmentation and without a border.

    `labels` holds only what is labelled.
    """

    image: NDArray[Any]
    labels: Mapping[str, Label]


class DecodedCache:
    """Samples as they are before augmentation: a file each, with the image and the labels that clients asked for.

    A file is called by the image and the size. Clients whose tasks differ share it: who lacks a label decodes it, and
    puts it beside what is there. Within a file stands what each part was made of: path, length and time of change of
    each of the source's files, and fedmtl's version. Where these have changed the part is decoded anew. They are
    looked at when a sample is first asked for: finding its files again takes longer than reading what is kept.

    A file is replaced in one step, so processes may write at once. Of two that add a label at the same time one is
    lost, and decoded again when it is next asked for.

    Args:
        folder: where the files are; only this user can look into it once it is made.
        source: where samples come from, one that has files.
        tasks: the tasks whose labels belong to a sample.
        form: what else a sample depends on (size, resizing).
    """

    def __init__(self, folder: Path, source: Source, tasks: Sequence[Task], form: Sequence[Any]) -> None:
        self.folder = folder
        self.source = source
        self.form = [type(source).__qualname__, *form]
        # Of one name, tasks may still differ in their classes.
        self.parts = {task.name: _digest([task.name, task.spec.kind, *task.spec.classes]) for task in tasks}
        self._wanted = frozenset((_IMAGE, *self.parts.values()))
        self._up_to_date: dict[str, Path] = {}

    def has(self, sample_id: str) -> bool:
        """Whether the sample is kept, be it as it was long ago."""
        kept = read_parts(self._path(sample_id, self.source.files(sample_id, [])))
        return kept.keys() >= self._wanted

    def get(self, sample_id: str, prepare: Callable[[Sequence[str]], Prepared]) -> Prepared:
        """The sample from its file; what that lacks is made by `prepare`, and then put into it.

        Args:
            sample_id: which.
            prepare: makes the sample with the labels of some tasks.

        Raises:
            DataError: `prepare` raises it, or the file cannot be written, for example because the disk is full.
        """
        path = self._up_to_date.get(sample_id)
        kept = read_parts(path) if path else {}
        if path is None or not kept.keys() >= self._wanted:
            path, kept = self._renewed(sample_id, prepare)
            self._up_to_date[sample_id] = path
        labels = {task: kept[part].array for task, part in self.parts.items()}
        image = kept[_IMAGE].array
        assert image is not None
        return Prepared(image, {task: label for task, label in labels.items() if label is not None})

    def _renewed(
        self, sample_id: str, prepare: Callable[[Sequence[str]], Prepared]
    ) -> tuple[Path, dict[str, Part]]:
        """A sample's file and its parts, made again where they are not there or of other files than now."""
        files = self.source.files(sample_id, [])
        path, identities = self._path(sample_id, files), self._identities(sample_id, files)
        kept = read_parts(path)
        if not _holds(kept, _IMAGE, identities):
            kept = {}  # of an image that is no more
        missing = [task for task, part in self.parts.items() if not _holds(kept, part, identities)]
        if missing or not kept:
            made = prepare(missing)
            arrays = {self.parts[task]: made.labels.get(task) for task in missing}
            if not kept:
                arrays[_IMAGE] = made.image
            kept |= {part: Part(identities[part], array) for part, array in arrays.items()}
            _write(path, kept)
        return path, kept

    def _path(self, sample_id: str, files: Sequence[Path]) -> Path:
        """Where the sample is kept whose image is made of `files`."""
        name = _digest([os.path.abspath(files[0]), sample_id, *self.form])
        return self.folder / name[:2] / f"{name[2:]}.npy"

    def _identities(self, sample_id: str, files: Sequence[Path]) -> dict[str, str]:
        """What each part is made of now: the image, of `files`, and every label."""
        made_of = {part: self.source.files(sample_id, [task]) for task, part in self.parts.items()}
        made_of[_IMAGE] = files
        states = {path: _state(path) for paths in made_of.values() for path in paths}
        return {
            part: _digest([fedmtl.__version__, *(states[path] for path in paths)])
            for part, paths in made_of.items()
        }


def default_folder() -> Path:
    """The user's own cache, as XDG_CACHE_HOME says."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fedmtl" / "decoded"


def _digest(of: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(of).encode()).hexdigest()


def _state(path: Path) -> Sequence[Any]:
    where = os.path.abspath(path)
    try:
        found = os.stat(where)
    except OSError:
        return [where]  # a label that is missing, as long as it is
    return [where, found.st_size, found.st_mtime_ns]


def _holds(kept: Mapping[str, Part], part: str, identities: Mapping[str, str]) -> bool:
    """Whether a part is kept, and made of what it should be."""
    return part in kept and kept[part].identity == identities[part]


def _write(path: Path, parts: Mapping[str, Part]) -> None:
    try:
        write_parts(path, parts)
    except OSError as error:
        raise DataError(
            f"{path} cannot be written: {error.strerror}; make room, name another data.cache_folder, or set "
            "data.cache=memory"
        ) from error
