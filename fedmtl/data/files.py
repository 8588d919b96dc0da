"""Reading the image and label files of a data-set folder into arrays."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from fedmtl.data.base import Problem
from fedmtl.errors import DataError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".npy", ".tif", ".tiff")

# What Pillow and NumPy raise for files that are not what their name says, are damaged, or end too soon.
_UNREADABLE = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    KeyError,
    TypeError,
    TokenError,
    Image.DecompressionBombError,
)


class FileError(DataError):
    """A file of a data set is missing, unreadable, or not what it should be."""

    def __init__(self, path: Path, what: str) -> None:
        self.problem = Problem(str(path), what)
        super().__init__(str(self.problem))


class MissingFileError(FileError):
    """A file, or a row of a table, is not there at all."""


def find_image(stem: Path) -> Path:
    """The one file called `stem` plus a suffix of images; raises as `find_file`."""
    return find_file(stem, IMAGE_SUFFIXES, "image")


def find_file(stem: Path, suffixes: Sequence[str], what: str) -> Path:
    """The one file called `stem` plus one of `suffixes`.

    Raises:
        MissingFileError: there is none.
        FileError: there is more than one.
    """
    # Looked for as text, because this is asked for every label of every image, and making a Path takes longer.
    found = [Path(name) for suffix in suffixes if os.path.isfile(name := f"{stem}{suffix}")]
    if not found and stem.suffix in suffixes and stem.is_file():
        raise MissingFileError(stem, f"is there, but ids are names without suffix; write '{stem.stem}'")
    if not found:
        raise MissingFileError(stem, f"there is no such {what} ({', '.join(suffixes)})")
    if len(found) > 1:
        raise FileError(found[0], f"there is also {', '.join(path.name for path in found[1:])}")
    return found[0]


def read_image(path: Path) -> NDArray[Any]:
    """An image (H, W, C): uint8 as stored, everything else as float32.

    A .npy file holds (H, W, C). A TIFF of several pages holds one band a page. Palettes and CMYK become RGB,
    and transparency is dropped.

    Raises:
        FileError: the file cannot be decoded, is not of that form, or has pixels that are not finite.
    """
    array = read_array(path) if path.suffix == ".npy" else _read_pixels(path)
    if array.ndim != 3 or 0 in array.shape:
        raise FileError(path, f"has shape {array.shape}, not (height, width, channels)")
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind not in "uif":
        raise FileError(path, f"has dtype {array.dtype}, not uint8, another integer or float")
    with np.errstate(over="ignore"):  # float64 beyond float32 becomes inf, which the next line reports
        array = array.astype(np.float32)
    if not np.isfinite(array).all():
        raise FileError(path, "has pixels that are not finite")
    return array


def read_label(path: Path) -> NDArray[Any]:
    """A label as its PNG holds it, (H, W) or (H, W, C), uint8 or uint16.

    Raises:
        MissingFileError: there is no such file.
        FileError: it cannot be decoded.
    """
    if not path.is_file():
        raise MissingFileError(path, "there is no such label (`partial: true` in dataset.yaml allows that)")
    return read_picture(path)


def read_picture(path: Path) -> NDArray[Any]:
    """What a PNG, JPEG or TIFF holds, (H, W) or (H, W, C), uint8, uint16 or int32; of a palette the indices.

    Raises:
        FileError: it cannot be decoded.
    """
    try:
        with Image.open(path) as image:
            raw = np.array(image)
    except _UNREADABLE as error:
        raise FileError(path, f"cannot be decoded: {error}") from error
    # Pillow has opened 16-bit PNGs both as mode I;16 (uint16) and as mode I (int32).
    if raw.dtype == np.int32 and raw.size and raw.min() >= 0 and raw.max() <= np.iinfo(np.uint16).max:
        return raw.astype(np.uint16)
    return raw


def read_array(path: Path) -> NDArray[Any]:
    """What a .npy file holds; raises FileError where it is none, or has Python objects."""
    try:
        with path.open("rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except _UNREADABLE as error:
        raise FileError(path, f"cannot be read as a NumPy array: {error}") from error


def read_mat(path: Path, variable: str) -> Any:
    """A variable of a MATLAB file of version 5.

    Raises:
        FileError: it cannot be read, or has no such variable.
    """
    from scipy.io import loadmat  # slow to import, and most sources need it not

    try:
        found = loadmat(path, variable_names=[variable])
    except Exception as error:  # its reader raises whatever its parts do where a file is damaged
        raise FileError(path, f"cannot be read as a MATLAB file: {error}") from error
    if variable not in found:
        raise FileError(path, f"has no variable '{variable}'")
    return found[variable]


def _read_pixels(path: Path) -> NDArray[Any]:
    try:
        with Image.open(path) as image:
            # Only of a TIFF: the further pictures in a telephone's JPEG (MPO) are no bands.
            pages = ImageSequence.Iterator(image) if image.format == "TIFF" else [image]
            bands = [_bands(page) for page in pages]
    except _UNREADABLE as error:
        raise FileError(path, f"cannot be decoded: {error}") from error
    if len({band.shape[:2] for band in bands}) > 1:
        raise FileError(path, "has pages of different sizes")
    return bands[0] if len(bands) == 1 else np.concatenate(bands, axis=2)


def _bands(page: Image.Image) -> NDArray[Any]:
    keep = page.mode in ("RGB", "L", "F", "I") or page.mode.startswith("I;16")
    pixels = np.asarray(page if keep else page.convert("L" if page.mode in ("1", "LA") else "RGB"))
    return pixels if pixels.ndim == 3 else pixels[:, :, None]
