"""The most memory that a piece of work takes, as an operator of the machine would see it.

On CUDA that is what torch allocated, on a CPU the whole process, libraries and earlier work included: what has to fit.
`simulations.benchmarks.memory` tells calls apart more finely, and needs a process of its own for that.
"""

from __future__ import annotations

import resource
import sys
from contextlib import suppress

import torch

from simulations.benchmarks.memory import RESET_PEAK


def forget_peak(device: torch.device) -> None:
    """Begin anew; on a CPU whose system cannot, the peak stays that of the whole process so far."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    else:
        with suppress(OSError):
            RESET_PEAK.write_text("5")


def peak_bytes(device: torch.device) -> int:
    """The peak since `forget_peak`, in bytes."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # kilobytes elsewhere
