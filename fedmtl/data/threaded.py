"""Batches made by threads ahead of their use."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import Generic, TypeVar

T = TypeVar("T")
AHEAD = 2
"""Batches that a thread is ahead of who takes them, as in a DataLoader."""


@dataclass(frozen=True)
class Threaded(Generic[T]):
    """The batches of some lists of positions, in order; each iteration has threads of its own, and ends them.

    Starting a process costs as much as augmenting a hundred small images: its memory has to be copied and given back.
    Threads cost nothing, and are as good where little of the work is Python's own.

    Args:
        batches: the positions of each batch's images.
        make: makes a batch of positions; called by several threads at a time.
        threads: how many.
    """

    batches: Sequence[list[int]]
    make: Callable[[list[int]], T]
    threads: int

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[T]:
        left = iter(self.batches)
        pool = ThreadPoolExecutor(self.threads, thread_name_prefix="loader")
        try:
            begun: deque[Future[T]] = deque()
            for positions in islice(left, AHEAD * self.threads):
                begun.append(pool.submit(self.make, positions))
            while begun:
                batch = begun.popleft().result()
                begun.extend(pool.submit(self.make, positions) for positions in islice(left, 1))
                yield batch
        finally:
            pool.shutdown(cancel_futures=True)
