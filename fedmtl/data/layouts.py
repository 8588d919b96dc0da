"""Telling from a folder which data set lies in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fedmtl.data.on_disk import OnDisk
from fedmtl.errors import DataError

_PACKED = (".tgz", ".tar", ".gz", ".zip", ".bz2", ".xz")


def open_folder(path: Path, kind: str | None = None) -> OnDisk:
    """The source that lies at `path`.

    Args:
        path: a folder of the folder format, or an unpacked archive of a published data set.
        kind: the kind of source; None: the one whose layout the folder has.

    Raises:
        ConfigError: there is no such kind.
        DataError: no kind has the folder's layout, or `kind` is none of files; says what was found instead.
    """
    from fedmtl.data import SOURCES

    if kind is None:
        kind = next(recognised(path.expanduser()), None)
    if kind is None:
        raise DataError(f"{path}: {_unknown(path.expanduser())}")
    source = SOURCES.build(kind, {} if kind == "rooms" else {"path": str(path)}, kind)
    if not isinstance(source, OnDisk):
        raise DataError(f"data source '{kind}' has no files that could be checked")
    return source


def recognised(root: Path) -> Iterator[str]:
    """The kinds of source whose layout a folder has."""
    from fedmtl.data import SOURCES

    for kind in SOURCES:
        found = SOURCES[kind]
        if issubclass(found, OnDisk) and found.fits(root):
            yield kind


def misfit(root: Path, title: str, lack: str, way_out: str) -> str:
    """Why a folder is not laid out like `title`, and the way out, as a clause.

    Args:
        root: the folder.
        title: of the data set.
        lack: what it has not, as a clause.
        way_out: what to do where no other layout is found, here or one level down.
    """
    if not root.is_dir():
        return _unknown(root)
    start = f"is not laid out like {title}: {lack}"
    if (other := next(recognised(root), None)) is not None:
        return f"{start}; use `kind: {other}`, whose layout it has"
    return f"{start}{_below(root) or f'; {way_out}'}"


def _unknown(root: Path) -> str:
    if root.is_file():
        packed = root.suffix in _PACKED
        return f"is a file{', an archive: unpack it' if packed else ''}; name the folder with the images and labels"
    if not root.is_dir():
        return "there is no such folder"
    known = "is not a data-set folder: it has neither a dataset.yaml nor a layout that is known"
    if (root / "labels.csv").is_file():
        return f"{known}; to its labels.csv belong a dataset.yaml, which names the tasks, and train.txt and val.txt"
    return f"{known}{_below(root)}"


def _below(root: Path) -> str:
    """The end of a sentence that points to a folder one level down, where one has a known layout."""
    for child in sorted(each for each in root.iterdir() if each.is_dir()):
        if (kind := next(recognised(child), None)) is not None:
            return f"; did you mean {child}, which has that of `kind: {kind}`?"
    return ""
