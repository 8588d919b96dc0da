"""A file of arrays, each with what it was made of; it is mapped into memory, not read as a whole."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_START = 10
"""Bytes of a .npy file of version 1.0 before its header; the last two are the header's length."""
_IDENTITY, _ARRAY = "identity ", "array "
"""Go before a part's name."""


@dataclass(frozen=True)
class Part:
    """An array, or None: that there is none is worth remembering as well.

    Attributes:
        identity: of what it was made, in ASCII.
    """

    identity: str
    array: NDArray[Any] | None


def read_parts(path: Path) -> dict[str, Part]:
    """The parts of a file by name, their arrays mapped; none where there is no file, or it is damaged."""
    try:
        with open(path, "rb", buffering=0) as file:
            mapped = mmap(file.fileno(), 0, access=ACCESS_READ)
        start = _START + int.from_bytes(mapped[_START - 2 : _START], "little")
        dtype, names = _form(mapped[:start])
        record = np.frombuffer(mapped, dtype, 1, start).reshape(())
        return {
            name: Part(record[_IDENTITY + name].item().decode(), record[_ARRAY + name] if has_array else None)
            for name, has_array in names.items()
        }
    except (OSError, ValueError, EOFError, SyntaxError):
        return {}


def write_parts(path: Path, parts: Mapping[str, Part]) -> None:
    """Make or replace a file in one step: another process reads the old one or the new one.

    The folder of its folder is made for this user alone.

    Args:
        path: where it goes.
        parts: by name.

    Raises:
        OSError: it cannot be written; then nothing of it is left.
    """
    fields: list[Any] = [(_IDENTITY + name, f"S{len(part.identity)}") for name, part in parts.items()]
    held = {name: part.array for name, part in parts.items() if part.array is not None}
    fields += [(_ARRAY + name, array.dtype, array.shape) for name, array in held.items()]
    record = np.zeros((), np.dtype(fields, align=True))
    for name, part in parts.items():
        record[_IDENTITY + name] = part.identity
    for name, array in held.items():
        record[_ARRAY + name] = array
    partial = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.mkdir(exist_ok=True)
        with partial.open("wb") as file:
            np.lib.format.write_array(file, record, version=(1, 0))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


@lru_cache(maxsize=256)
def _form(header: bytes) -> tuple[np.dtype[Any], Mapping[str, bool]]:
    """The dtype of the one record of a .npy file that begins so, and its parts, with whether there is an array.

    The files of a source have few such forms.
    """
    file = BytesIO(header)
    np.lib.format.read_magic(file)
    dtype = np.lib.format.read_array_header_1_0(file)[2]
    fields = dtype.names or ()
    parts = [field.removeprefix(_IDENTITY) for field in fields if field.startswith(_IDENTITY)]
    return dtype, {name: _ARRAY + name in fields for name in parts}
