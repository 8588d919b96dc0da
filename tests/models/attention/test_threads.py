import threading

import pytest
import torch

from fedmtl.models.attention import threads as module
from fedmtl.models.attention.threads import openmp_team, pool_team, share_out


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


@pytest.mark.parametrize("count", [0, 1, 3, 12])
def test_every_unit_is_worked_on_once(threads, count):
    done, lock = [], threading.Lock()

    def work(units):
        with lock:
            done.extend(units)

    share_out(list(range(count)), work)
    assert sorted(done) == list(range(count))


def test_shares_are_even_and_consecutive(threads):
    shares = []
    share_out(list(range(101)), shares.append)
    assert len(shares) == threads
    assert [unit for share in sorted(shares) for unit in share] == list(range(101))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_the_caller_and_others_work_at_the_same_time(threads):
    """Each share waits for all others to have begun."""
    barrier, seen = threading.Barrier(threads, timeout=30), []

    def work(units):
        barrier.wait()
        seen.append(threading.get_ident())

    share_out(list(range(threads)), work)
    assert len(set(seen)) == threads
    assert threading.get_ident() in seen


def test_what_a_share_raises_is_raised_when_all_have_stopped(threads):
    finished = []

    def work(units):
        if 11 in units:
            raise ValueError("unit 11")
        finished.append(units)

    with pytest.raises(ValueError, match="unit 11"):
        share_out(list(range(12)), work)
    assert len(finished) == threads - 1


def test_several_callers_at_once_each_get_their_work_done(threads):
    totals, lock = [0] * 4, threading.Lock()

    def work_for(caller):
        def work(units):
            with lock:
                totals[caller] += len(units)

        for _ in range(20):
            share_out(list(range(10)), work)

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
