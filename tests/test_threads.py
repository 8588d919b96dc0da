import threading

import pytest
import torch

from fedmtl import threads as module
from fedmtl.threads import openmp_team, pool_team, share_out


@pytest.fixture(params=[1, 2, 5])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.fixture(params=["openmp", "pool"], autouse=True)
def team(request, monkeypatch):
    if request.param == "pool":
        monkeypatch.setattr(module, "openmp_team", lambda: None)
    elif openmp_team() is None:
        pytest.skip("torch has loaded no OpenMP library here")
    return request.param


@pytest.mark.parametrize("count", [0, 1, 3, 12, 101])
def test_shares_cover_every_unit_once_and_are_even(threads, count):
    shares = []
    share_out(count, lambda *share: shares.append(share))
    assert [unit for _, first, last in sorted(shares) for unit in range(first, last)] == list(range(count))
    assert sorted(thread for thread, _, _ in shares) == list(range(min(threads, count)))
    assert max((last - first for _, first, last in shares), default=0) <= -(-count // threads)


def test_the_caller_and_others_work_at_the_same_time(threads):
    """Each share waits for all others to have begun."""
    barrier, seen = threading.Barrier(threads, timeout=30), []

    def work(thread, first, last):
        barrier.wait()
        seen.append(threading.get_ident())

    share_out(threads, work)
    assert len(set(seen)) == threads
    assert threading.get_ident() in seen


def test_what_a_share_raises_is_raised_when_all_have_stopped(threads):
    finished = []

    def work(thread, first, last):
        if last == 12:
            raise ValueError("the last share")
        finished.append(first)

    with pytest.raises(ValueError, match="the last share"):
        share_out(12, work)
    assert len(finished) == threads - 1


def test_several_callers_at_once_each_get_their_work_done(threads):
    totals, lock = [0] * 4, threading.Lock()

    def work_for(caller):
        def work(thread, first, last):
            with lock:
                totals[caller] += last - first

        for _ in range(20):
            share_out(10, work)

    callers = [threading.Thread(target=work_for, args=(i,)) for i in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(timeout=60)
    assert totals == [200] * 4


def test_a_body_runs_once_a_thread(team):
    seen = []
    run = pool_team if team == "pool" else openmp_team()
    run(lambda thread, threads: seen.append((thread, threads)), 3)
    assert sorted(seen) == [(i, len(seen)) for i in range(len(seen))]
