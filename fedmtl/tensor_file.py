"""Tensors and plain state in one file that appears whole or not at all.

It is a safetensors file with the state as JSON in its header, so that a single rename makes it appear.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from fedmtl.errors import RunError

Tensors = dict[str, NDArray[Any]]


def write_tensors(path: Path, tensors: Mapping[str, NDArray[Any]], state: Mapping[str, Any]) -> int:
    """Write a file atomically and durably, its folder too where there is none; returns its bytes.

    Raises:
        RunError: it cannot be written, for example because the disk is full; what was there is untouched.
    """
    partial = path.with_suffix(".partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # safetensors writes an array's memory as it lies there, whatever its strides.
        contiguous = {name: np.asarray(tensor, order="C") for name, tensor in tensors.items()}
        save_file(contiguous, partial, metadata={"state": json.dumps(state)})
        _sync(partial)
        partial.replace(path)
        _sync(path.parent)
        return path.stat().st_size
    except (OSError, SafetensorError) as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise RunError(f"{path} cannot be written: {error}") from error


def read_tensors(path: Path) -> tuple[Tensors, dict[str, Any]]:
    """Tensors and state of a file.

    Raises:
        RunError: it is damaged.
    """
    return _read(path, with_tensors=True)


def read_state(path: Path) -> dict[str, Any]:
    """The state alone, which costs nothing however large the tensors are.

    Raises:
        RunError: the file is damaged.
    """
    return _read(path, with_tensors=False)[1]


def _read(path: Path, *, with_tensors: bool) -> tuple[Tensors, dict[str, Any]]:
    try:
        with safe_open(path, "numpy") as file:
            names = file.keys() if with_tensors else ()
            tensors = {name: file.get_tensor(name) for name in names}
            return tensors, json.loads((file.metadata() or {})["state"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise RunError(f"{path} is damaged: {error}; restore it from a copy") from error


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
