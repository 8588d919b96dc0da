import threading
import time

import pytest

from fedmtl.data.threaded import AHEAD, Threaded


def test_batches_come_in_order_whichever_is_ready_first():
    def make(positions):
        time.sleep(0.01 * (3 - positions[0] % 3))
        return positions

    batches = [[index] for index in range(9)]
    loader = Threaded(batches, make, threads=3)
    assert len(loader) == 9
    assert list(loader) == batches
    assert list(loader) == batches  # again, with other threads


def test_no_more_is_made_ahead_than_is_held():
    made = []
    batches = iter(Threaded([[index] for index in range(20)], lambda each: made.append(each), threads=2))
    next(batches)
    while len(made) < 1 + AHEAD * 2:
        time.sleep(0.001)
    time.sleep(0.02)
    assert len(made) == 1 + AHEAD * 2


def test_threads_end_with_the_iteration_and_with_whoever_breaks_it_off():
    def loaders():
        return [each for each in threading.enumerate() if each.name.startswith("loader")]

    loader = Threaded([[index] for index in range(20)], lambda positions: positions, threads=2)
    list(loader)
    assert not loaders()
    batches = iter(loader)
    next(batches)
    assert loaders()
    batches.close()
    assert not loaders()


def test_what_goes_wrong_is_told_as_it_is():
    def make(positions):
        if positions == [1]:
            raise OSError("the disk is gone")
        return positions

    batches = iter(Threaded([[0], [1], [2]], make, threads=2))
    assert next(batches) == [0]
    with pytest.raises(OSError, match="the disk is gone"):
        next(batches)
