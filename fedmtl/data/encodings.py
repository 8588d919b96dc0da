"""From what published data sets have in their files to the canonical encodings of the kinds of task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fedmtl.data.files import FileError, read_array, read_mat, read_picture

FARTHEST = 1000.0
"""Metres: no depth of a scene is beyond, so larger numbers have another unit."""
MISS = 0.01
"""By so much what a file has as probabilities may miss 1, for example in half precision."""
OFF_LENGTH = 0.1
"""By so much the length of half of a file's normals may miss 1."""
_DIRECTIONS = (np.arange(256) / 127.5 - 1).astype(np.float32)
"""2x/255 − 1 of every byte x."""


def read_map(path: Path, variable: str = "") -> NDArray[Any]:
    """A map (H, W) or (H, W, C) from a picture, a .npy file, or `variable` of a .mat file.

    Raises:
        FileError: it cannot be decoded, or is no such array.
    """
    if path.suffix == ".mat":
        array = np.asarray(read_mat(path, variable))
    else:
        array = read_array(path) if path.suffix == ".npy" else read_picture(path)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or 0 in array.shape or array.dtype.kind not in "buif":
        raise FileError(path, f"is {array.dtype} {array.shape}, not a map of numbers")
    return array


def class_indices(path: Path, raw: NDArray[Any], most: int) -> NDArray[np.uint8]:
    """Whole numbers from 0 to `most`, or 255, as uint8 (H, W).

    Raises:
        FileError: it is no map (H, W) of such numbers.
    """
    if raw.ndim != 2:
        raise FileError(path, f"is {raw.dtype} {raw.shape}, not one class index a pixel")
    right = raw <= most if raw.dtype == np.uint8 else (raw >= 0) & (raw <= most) & (raw == np.floor(raw))
    wrong = raw[~(right | (raw == 255))]
    if wrong.size:
        raise FileError(
            path, f"has the label {wrong.max():g}, but labels are 0 to {most}, or 255 for unlabelled"
        )
    return raw.astype(np.uint8)


def metres(path: Path, raw: NDArray[Any], farthest: float = FARTHEST) -> NDArray[np.float32]:
    """Depth in metres, 0 where it is not finite and positive, float32 (H, W).

    Args:
        path: for the message.
        raw: what the file has.
        farthest: metres; the data set has no depth beyond.

    Raises:
        FileError: it is no map (H, W), or of another unit.
    """
    if raw.ndim != 2:
        raise FileError(path, f"is {raw.dtype} {raw.shape}, not one depth a pixel")
    with np.errstate(over="ignore"):
        depth = raw.astype(np.float32)
    depth = np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(0))
    if depth.max() > farthest:
        raise FileError(
            path,
            f"reaches a depth of {depth.max():g} m; it is of another unit, or of another data set, since none of this "
            f"one is beyond {farthest:g} m",
        )
    return depth


def unit_vectors(path: Path, raw: NDArray[Any]) -> NDArray[np.float32]:
    """Surface normals at unit length, float32 (H, W, 3), zeros where there is none.

    Bytes x are 2x/255 − 1, other numbers are vectors already. There is none where a file has zeros, grey, or what is
    not finite: a vector shorter than a half has no direction, however it is brought to unit length.

    Raises:
        FileError: it has not three channels, or its numbers are no bytes and no vectors of about unit length.
    """
    if raw.ndim != 3 or raw.shape[2] != 3:
        raise FileError(path, f"is {raw.dtype} {raw.shape}, not a vector of three a pixel")
    vectors: NDArray[np.float32] = _DIRECTIONS[raw] if raw.dtype == np.uint8 else raw.astype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        squared = np.einsum("ijk,ijk->ij", vectors, vectors)
    known = np.isfinite(squared) & (squared > 0.25) & raw.any(axis=2)
    if not known.all():
        vectors[~known] = 0
    if raw.dtype != np.uint8 and known.any():
        _refuse_coded(path, vectors, np.sqrt(squared[known]))
    vectors /= np.sqrt(np.where(known, squared, np.float32(1)))[:, :, None]
    return vectors


def _refuse_coded(path: Path, vectors: NDArray[np.float32], lengths: NDArray[np.float32]) -> None:
    """Refuse numbers that are no vectors but a code of them, 0 to 255 or 0 to 1.

    Brought to unit length, such numbers look like normals, only wrong ones.

    Raises:
        FileError: half of the lengths are not about 1, or no component is negative.
    """
    as_vectors = "numbers that are no bytes must be x, y and z from −1 to 1 at unit length"
    # Most of them, not all: where published files were resized, vectors along the borders are longer and shorter.
    if np.median(np.abs(lengths - 1)) > OFF_LENGTH:
        raise FileError(
            path,
            f"has vectors of a length of about {np.median(lengths):.3g}, not 1; {as_vectors}, so write 2x/255 − 1 "
            "of numbers to 255, and 2x − 1 of numbers from 0 to 1",
        )
    # Rooms and things have sides to the left and to the right, above and below.
    if vectors.min() >= 0:
        raise FileError(
            path,
            f"has no negative number, so all its normals point to one side; {as_vectors}, so write 2x − 1 of "
            "numbers from 0 to 1",
        )


def shares(path: Path, raw: NDArray[Any]) -> NDArray[np.int16]:
    """How sure a pixel is of a yes, 0 to 255, int16 (H, W): bytes as they are, other numbers from 0 to 1 times 255.

    Raises:
        FileError: it is no map (H, W), or has other numbers.
    """
    if raw.ndim != 2:
        raise FileError(path, f"is {raw.dtype} {raw.shape}, not one number a pixel")
    if raw.dtype == np.uint8:
        return raw.astype(np.int16)
    if not ((raw >= 0) & (raw <= 1)).all():
        raise FileError(path, "has numbers that are not between 0 and 1")
    return np.rint(255 * raw.astype(np.float32)).astype(np.int16)


def distribution(path: Path, classes: int) -> NDArray[np.float32]:
    """The probability of each class, float32 (classes,), from a .npy file of them, or of a network's logits.

    Numbers are probabilities where none is negative, and logits otherwise: of many classes some is unlikelier than
    e⁰ : 1. Axes of length 1 do not count.

    Raises:
        FileError: it has another number of numbers, some are not finite, or none is negative and they do not add up
            to 1.
    """
    raw = read_array(path)
    numbers = raw.squeeze()
    if numbers.shape != (classes,) or raw.dtype.kind not in "uif":
        raise FileError(path, f"is {raw.dtype} {raw.shape}, not a number for each of {classes} classes")
    numbers = numbers.astype(np.float64)
    if not np.isfinite(numbers).all():
        raise FileError(path, "has numbers that are not finite")
    if (numbers < 0).any():
        numbers = np.exp(numbers - numbers.max())
    elif abs(numbers.sum() - 1) > MISS:
        raise FileError(path, f"has probabilities that add up to {numbers.sum():.4g}, not to 1")
    shares: NDArray[np.float32] = (numbers / numbers.sum()).astype(np.float32)
    return shares
