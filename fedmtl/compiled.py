"""How inner loops are compiled, and where the machine code is kept for the next process."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar, cast

from numba import config, njit

F = TypeVar("F", bound=Callable[..., Any])
_config_lock = Lock()


def kernel(function: F, *, contract: bool = False) -> F:
    """Compile `function` to machine code that lets go of the GIL, kept on disk for the next process.

    It is kept beside the source or in the user's cache, whichever can be written (NUMBA_CACHE_DIR goes first);
    where neither can, as in many containers, in a folder of the user's own among the temporary files.

    A kernel calls only kernels of its own file: numba knows a cached one to be stale by its own file alone.

    Args:
        contract: let a·b + c be rounded once: faster, but then processors of different kinds differ in last bits.
    """
    options = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"} if contract else False}
    try:
        return cast(F, njit(cache=True, **options)(function))
    except RuntimeError:
        # numba found no place to write and refuses to decorate at all.
        folder = temporary_cache()
    if folder is None:
        # Compiling anew in every process costs seconds and changes no result.
        return cast(F, njit(**options)(function))
    with _config_lock:
        before, config.CACHE_DIR = config.CACHE_DIR, str(folder)
        try:
            return cast(F, njit(cache=True, **options)(function))
        finally:
            config.CACHE_DIR = before


def temporary_cache() -> Path | None:
    """A folder among the temporary files that only this user can write; None where there can be none.

    Cached code is executed, and anyone may put a folder among the temporary files: one that is not this
    user's alone is not used.
    """
    if not hasattr(os, "getuid"):
        return None
    folder = Path(tempfile.gettempdir()) / f"fedmtl-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    private = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022
    return folder if private and os.access(folder, os.W_OK) else None
