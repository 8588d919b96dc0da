"""How much memory a call takes at most, beyond what is there when it begins: physical memory of the process.

torch's own account would miss what numpy, numba and libraries allocate, so the kernel is asked: the process's peak
(VmHWM) is reset, the call is made, and what it reached is compared with what there was. That is true only where freed
memory goes back to the kernel at once. The C library keeps freed blocks of up to 32 MB for itself, and a call that
takes its memory from them would seem to take none; so the measurement runs in a process of its own in which every
block of 64 kB or more is a mapping of its own. The kernel's count of pages is off by up to 0.3 MB. The result of the
call counts; what was made before does not.
"""

from __future__ import annotations

import ctypes
import gc
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
BLOCK = 64 * 1024
RESET_PEAK = Path("/proc/self/clear_refs")


def can_measure() -> bool:
    """Whether this system tells and resets a process's peak: Linux does."""
    return RESET_PEAK.exists()


def measuring_process() -> ProcessPoolExecutor:
    """A process in which `peak_megabytes` is true; submit there a function that calls it."""
    return ProcessPoolExecutor(1, get_context("spawn"), initializer=_return_freed_memory)


def available_megabytes() -> float:
    """What this machine can still give without swapping."""
    return _kilobytes("MemAvailable", Path("/proc/meminfo")) * 1024 / 1e6


def peak_megabytes(call: Callable[[], object], warm_up: Callable[[], object] | None = None) -> float:
    """The most that `call` takes at a time, in MB of 10⁶ bytes.

    Args:
        warm_up: does beforehand what only a first call does; None: `call` itself.
    """
    (warm_up or call)()
    gc.collect()
    RESET_PEAK.write_text("5")
    before = _kilobytes("VmRSS")
    result = call()
    peak = _kilobytes("VmHWM")
    del result
    return max(peak - before, 0) * 1024 / 1e6


def _return_freed_memory() -> None:
    libc = ctypes.CDLL(None)
    for parameter in (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD):
        if not libc.mallopt(parameter, BLOCK):
            raise OSError("the C library does not let its thresholds be set, so memory cannot be measured")


def _kilobytes(field: str, file: Path = Path("/proc/self/status")) -> int:
    lines = file.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))
