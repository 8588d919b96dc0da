import gc

import torch

from simulations.benchmarks import timing
from simulations.benchmarks.timing import interleaved_medians, threads


def test_calls_are_made_in_turn(monkeypatch):
    clock, made = [0.0], []

    def call(name, seconds):
        def run():
            made.append(name)
            clock[0] += seconds.pop(0)

        return run

    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock[0])
    calls = {"a": call("a", [1, 2, 6]), "b": call("b", [5, 5, 4])}
    assert interleaved_medians(calls, repeats=3, seconds=0) == {"a": 2000, "b": 5000}
    assert made == ["a", "b"] * 3


def test_they_go_on_until_the_time_has_passed(monkeypatch):
    clock, made = [0.0], []

    def call():
        made.append(None)
        clock[0] += 1

    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock[0])
    interleaved_medians({"a": call}, repeats=1, seconds=5)
    assert len(made) == 5


def test_the_collector_rests_meanwhile():
    awake = []
    interleaved_medians({"a": lambda: awake.append(gc.isenabled())}, repeats=2, seconds=0)
    assert awake == [False, False]
    assert gc.isenabled()


def test_threads_are_given_back():
    before = torch.get_num_threads()
    with threads(before + 1):
        assert torch.get_num_threads() == before + 1
    assert torch.get_num_threads() == before
