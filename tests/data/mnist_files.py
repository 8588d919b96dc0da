"""MNIST's four files with noise for digits, whose classes go round from 0 to 9."""

import gzip
import struct
from pathlib import Path

import numpy as np

TRAIN, TEST = 24, 7
FILES = {"train": TRAIN, "t10k": TEST}


def idx(array: np.ndarray) -> bytes:
    return struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def digits(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, 28, 28), dtype=np.uint8), np.arange(count, dtype=np.uint8) % 10


def write_mnist(root: Path, *, suffix: str = "", dot: bool = False, sizes: dict[str, int] = FILES) -> Path:
    """The files; with `suffix` .gz compressed, with `dot` as some mirrors call them."""
    root.mkdir(parents=True, exist_ok=True)
    for seed, (half, count) in enumerate(sizes.items()):
        pixels, classes = digits(count, seed)
        for name, array in (("images-idx3", pixels), ("labels-idx1", classes)):
            name = name.replace("-idx", ".idx") if dot else name
            raw = idx(array)
            path = root / f"{half}-{name}-ubyte{suffix}"
            path.write_bytes(gzip.compress(raw) if suffix == ".gz" else raw)
    return root
