"""MNIST's files, and those of the data sets made to take its place: arrays of bytes in the format IDX."""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fedmtl.data.files import FileError, MissingFileError

SIZE = 28
"""Pixels of a digit's side."""
CLASSES = 10
BYTES = 0x08
"""The type of number that IDX gives to bytes; behind it stands how many sizes follow."""


@dataclass(frozen=True)
class Digits:
    """One half of a data set, training or test.

    Attributes:
        pixels: (N, 28, 28) uint8.
        classes: (N,) uint8, 0 to 9.
    """

    pixels: NDArray[np.uint8]
    classes: NDArray[np.uint8]


def find_digits(root: Path, half: str) -> tuple[Path, Path]:
    """The files with the pixels and the classes of `train` or `t10k`, as they are or compressed.

    Raises:
        MissingFileError: one is not there.
    """
    return _find(root, f"{half}-images-idx3-ubyte"), _find(root, f"{half}-labels-idx1-ubyte")


def read_digits(pixels: Path, classes: Path) -> Digits:
    """What two files hold.

    Raises:
        FileError: a file is no such array, is longer or shorter than it says, or does not go with the other one.
    """
    digits = Digits(read_idx(pixels, 3), read_idx(classes, 1))
    if digits.pixels.shape[1:] != (SIZE, SIZE):
        height, width = digits.pixels.shape[1:]
        raise FileError(pixels, f"has images of {width}x{height}, not {SIZE}x{SIZE}")
    if len(digits.classes) != len(digits.pixels):
        what = f"has {len(digits.classes):,} labels, and {pixels.name} {len(digits.pixels):,} images"
        raise FileError(classes, what)
    wrong = np.flatnonzero(digits.classes >= CLASSES)
    if wrong.size:
        label, more = digits.classes[wrong[0]], f" (and {wrong.size - 1:,} more)" if wrong.size > 1 else ""
        raise FileError(classes, f"gives image {wrong[0]} the label {label}, not 0 to {CLASSES - 1}{more}")
    return digits


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """An array of bytes with so many dimensions, read-only.

    Raises:
        FileError: the file cannot be read, holds something else, or is longer or shorter than it says.
    """
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise FileError(path, f"cannot be read: {error}; download it again") from error
    magic, start = bytes((0, 0, BYTES, dimensions)), 4 + 4 * dimensions
    if raw[:4] != magic or len(raw) < start:
        what = f"begins with 0x{raw[:4].hex()}, not with 0x{magic.hex()}"
        raise FileError(path, f"{what}; it is another of the files, or none of this format")
    shape = struct.unpack(f">{dimensions}I", raw[4:start])
    if len(raw) - start != prod(shape):
        what = f"has {len(raw) - start:,} bytes of data, but says that there are {prod(shape):,}"
        raise FileError(path, f"{what}; download it again")
    return np.frombuffer(raw, np.uint8, offset=start).reshape(shape)


def _find(root: Path, name: str) -> Path:
    """Some mirrors have a dot before `idx`; where several are there, as torchvision leaves them, they hold the same."""
    plain = (name, name.replace("-idx", ".idx"))
    for candidate in (*plain, *(f"{each}.gz" for each in plain)):
        if (root / candidate).is_file():
            return root / candidate
    raise MissingFileError(root / name, "there is no such file, nor one that ends with .gz")
