"""Randomness keyed by what it is for, never by when it is drawn.

The same (seed, words) gives the same stream in any process, on any engine, after any resume.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def key(seed: int, *words: str | int) -> int:
    """A 63-bit integer that depends on `seed` and every one of `words`."""
    text = "\0".join([str(seed), *map(str, words)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def numpy_rng(seed: int, *words: str | int) -> np.random.Generator:
    """A NumPy generator keyed by (seed, words)."""
    return np.random.Generator(np.random.PCG64(key(seed, *words)))


def torch_generator(seed: int, *words: str | int) -> torch.Generator:
    """A CPU torch generator keyed by (seed, words)."""
    return torch.Generator().manual_seed(key(seed, *words))


@contextmanager
def torch_seed(seed: int, *words: str | int) -> Iterator[None]:
    """Run a block with torch's global generators (CPU and CUDA) keyed by (seed, words); restores them after."""
    devices = list(range(torch.cuda.device_count()))
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(key(seed, *words))
        yield
