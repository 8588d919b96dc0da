"""Compiled code that lets go of the GIL, on several threads."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import torch

Team = Callable[[Callable[[int, int], None], int], None]
"""Calls a function with (number of the thread, number of threads) on each of at most so many threads."""


def share_out(units: int, work: Callable[[int, int, int], None]) -> None:
    """Call `work(thread, first, last)` for ranges that cover 0 … `units`, each on a thread of its own.

    There are at most `torch.get_num_threads()` threads, and they are numbered from 0.

    Where torch runs on OpenMP, these are torch's own threads: a pool beside them would have to win the cores from
    threads that still spin after torch's last operation, which takes longer than a small map does. A process that
    was forked should therefore set one thread, as it must for torch.

    Raises what `work` raises, once every thread has stopped.
    """
    shares = min(torch.get_num_threads(), units)
    if shares <= 1:
        if units:
            work(0, 0, units)
        return
    errors: list[BaseException] = []

    def body(thread: int, threads: int) -> None:
        try:
            work(thread, units * thread // threads, units * (thread + 1) // threads)
        except BaseException as error:
            errors.append(error)

    team = openmp_team() or pool_team
    team(body, shares)
    if errors:
        raise errors[0]


@cache
def openmp_team() -> Team | None:
    """The threads of the OpenMP library that torch has loaded; None where there is none."""
    if sys.platform != "linux":
        return None
    loaded = ctypes.CDLL(None)
    try:
        parallel, number, count = loaded.GOMP_parallel, loaded.omp_get_thread_num, loaded.omp_get_num_threads
    except AttributeError:
        return None
    parallel.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
    parallel.restype = None
    callback = ctypes.CFUNCTYPE(None, ctypes.c_void_p)

    def team(body: Callable[[int, int], None], threads: int) -> None:
        function = callback(lambda _: body(number(), count()))
        parallel(function, None, threads, 0)

    return team


def pool_team(body: Callable[[int, int], None], threads: int) -> None:
    """Threads of Python's, of which the caller's is the first."""
    others = [_pool(threads - 1).submit(body, thread, threads) for thread in range(1, threads)]
    body(0, threads)
    for other in others:
        other.result()


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="fedmtl")


# A forked process inherits the pools, but none of their threads.
os.register_at_fork(after_in_child=_pool.cache_clear)
