"""How the ray caster's inner loops are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


def kernel(function: F) -> F:
    """Compile `function` to machine code that lets go of the GIL, kept on disk for the next process.

    A kernel calls only kernels of its own file: numba knows a cached one to be stale by its own file alone.
    """
    try:
        return cast(F, njit(cache=True, nogil=True, error_model="numpy")(function))
    except RuntimeError:
        # Neither the package's folder nor a home is writable, as in many containers: numba then refuses to
        # decorate at all. Compiling anew in every process costs seconds and changes no result.
        return cast(F, njit(nogil=True, error_model="numpy")(function))
