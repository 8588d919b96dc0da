"""dataset.yaml: what a data-set folder says of its tasks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from fedmtl.data.files import FileError
from fedmtl.errors import FedmtlError, did_you_mean
from fedmtl.tasks import build_task
from fedmtl.tasks.base import Task
from fedmtl.tasks.spec import TaskSpec

IGNORE_INDEX = 255


@dataclass(frozen=True)
class Entry:
    """One task of a folder.

    Attributes:
        task: decodes its labels.
        ignore_index: the raw value that means unlabelled, for maps of class indices.
        partial: some images may lack this label.
    """

    task: Task
    ignore_index: int = IGNORE_INDEX
    partial: bool = False


@dataclass(frozen=True)
class Manifest:
    """A checked dataset.yaml."""

    name: str
    tasks: Mapping[str, Entry]


def read_manifest(path: Path) -> Manifest:
    """Read and check dataset.yaml.

    Its keys are `name`, `description` and `tasks`: {<task>: {`kind`, `classes`, `ignore_index`, `partial`}}.
    Without a `kind`, the task's name is its kind. `ignore_index` (255) is the unlabelled value of class maps.
    `partial: true` says that images may lack this label; otherwise a missing label is an error.

    Raises:
        FileError: the file is missing or not YAML, a key is unknown, or a task cannot be built.
    """
    try:
        plain = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(
            path, f"cannot be read ({error.strerror}), so this is not a data-set folder"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise FileError(path, f"is not valid YAML: {' '.join(str(error).split())}") from error
    document = _mapping(path, "it", plain)
    _known(path, "", document, ("name", "description", "tasks"))
    tasks = _mapping(path, "'tasks'", document.get("tasks"))
    if not tasks:
        raise FileError(path, "names no tasks")
    return Manifest(
        name=str(document.get("name", path.parent.name)),
        tasks={str(name): _entry(path, str(name), options or {}) for name, options in tasks.items()},
    )


def _entry(path: Path, name: str, options: Any) -> Entry:
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name) or name == "images":
        raise FileError(path, f"task name '{name}' must be letters, digits, _ or -, and not 'images'")
    options = _mapping(path, f"task '{name}'", options)
    _known(path, f"tasks.{name}.", options, ("kind", "classes", "ignore_index", "partial"))
    kind, classes = options.get("kind", name), options.get("classes", [])
    ignore_index, partial = options.get("ignore_index", IGNORE_INDEX), options.get("partial", False)
    if not isinstance(kind, str):
        raise FileError(path, f"tasks.{name}.kind must be text")
    if not isinstance(classes, list) or not all(isinstance(word, str | int) for word in classes):
        raise FileError(path, f"tasks.{name}.classes must be a list of names")
    if any(isinstance(word, bool) for word in classes):
        raise FileError(path, f"tasks.{name}.classes: quote the names that YAML reads as true or false")
    if not isinstance(ignore_index, int) or not isinstance(partial, bool):
        raise FileError(path, f"tasks.{name} needs a whole ignore_index, and partial either true or false")
    try:
        task = build_task(TaskSpec(name, kind, tuple(map(str, classes))))
    except FedmtlError as error:
        raise FileError(path, f"tasks.{name}: {error}") from error
    if "ignore_index" in options and not (task.dense and classes):
        raise FileError(path, f"tasks.{name}.ignore_index is only for maps of classes")
    return Entry(task, ignore_index, partial)


def _mapping(path: Path, what: str, value: Any) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise FileError(path, f"{what} must be a mapping of keys to values")
    return value


def _known(path: Path, where: str, options: Mapping[Any, Any], known: Iterable[str]) -> None:
    for key in options:
        if key not in known:
            raise FileError(path, f"unknown key '{where}{key}'; {did_you_mean(str(key), known)}")
