"""Folding in a benchmark is what it is in a run, and is compared with the same work."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from flwr.serverapp.strategy.strategy_utils import aggregate_arrayrecords

from fedmtl.errors import ExchangeError
from fedmtl.exchange.codecs import CODECS
from simulations.benchmarks import aggregation, replies
from simulations.benchmarks.memory import can_measure, measuring_process
from simulations.benchmarks.replies import Server, build_model, flower_pool, flower_replies, parameters
from tests.federations import tiny

COLUMNS = ["implementation", "clients", "parameters", "threads", "seconds", "ratio", "peak_mb"]


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(aggregation, "load_scenario", lambda path, overrides: tiny())


@pytest.mark.parametrize("copies", [True, False])
def test_both_make_the_same_model(copies):
    model = build_model(tiny())
    before = {group: vector.copy() for group, vector in model.initial.items()}
    server = Server(tiny(), 5)
    server.fold(copies)
    averaged = aggregate_arrayrecords(flower_replies(flower_pool(model), 5), replies.WEIGHTED_BY)
    for group, layout in model.layouts.items():
        tensors = {entry.name: averaged[f"{group}:{entry.name}"].numpy() for entry in layout.entries}
        mean = layout.join(tensors)
        assert np.abs(mean).max() > 1e-4
        np.testing.assert_allclose(server.groups[group], before[group] + mean, rtol=0, atol=1e-6)


def test_ours_checks_what_it_folds(monkeypatch):
    """A reply that is not finite is refused here as it is in a run."""
    made = replies.pooled_update

    def broken(layout, which):
        vector = made(layout, which)
        vector[-1] = np.inf
        return vector

    monkeypatch.setattr(replies, "pooled_update", broken)
    with pytest.raises(ExchangeError, match="not finite"):
        Server(tiny(), 2).fold(copies=False)


@pytest.fixture
def at_once(monkeypatch):
    """In this process, whose memory means nothing."""
    monkeypatch.setattr(aggregation, "ProcessPoolExecutor", lambda workers, context: ThreadPoolExecutor(1))
    monkeypatch.setattr(aggregation, "_peak", lambda *_: 1.0)


def test_rows_are_those_that_were_agreed(at_once, monkeypatch):
    monkeypatch.setattr(aggregation, "can_measure", lambda: True)
    monkeypatch.setattr(aggregation, "available_megabytes", lambda: 1e6)
    ours, flower, *wire = aggregation.run(repeats={2: 1})
    assert list(ours) == [*COLUMNS, "one_thread_seconds"]
    assert list(flower) == COLUMNS
    assert (ours["implementation"], flower["implementation"]) == ("fedmtl", "flwr")
    size = parameters(build_model(tiny()))
    for row in (ours, flower):
        assert (row["clients"], row["parameters"]) == (2, size)
        assert row["seconds"] > 0
    assert flower["ratio"] == flower["seconds"] / ours["seconds"]
    messages = {row["codec"]: row for row in wire}
    assert set(messages) == set(CODECS)
    assert messages["fp32"]["bytes"] == 4 * size
    assert messages["bf16"]["of_fp32"] == 0.5
    for row in wire:
        assert (row["clients"], row["parameters"], row["of_fp32"]) == (1, size, row["bytes"] / (4 * size))
        assert all(row[f"{what}_seconds"] > 0 for what in ("encode", "decode", "pack", "unpack"))


def test_what_does_not_fit_is_skipped(at_once, monkeypatch):
    monkeypatch.setattr(aggregation, "available_megabytes", lambda: 1.0)
    ours, flower, *_ = aggregation.run(repeats={2: 1})
    assert ours["seconds"] > 0
    assert list(flower) == ["implementation", "clients", "parameters", "skipped"]
    assert "it holds every update" in flower["skipped"]


@pytest.mark.skipif(not can_measure(), reason="this system does not reset a process's peak memory")
def test_our_peak_does_not_grow_with_clients_and_flowers_does():
    scenario = tiny()
    update = 4 * parameters(build_model(scenario)) / 1e6
    with measuring_process() as process:
        ours = [process.submit(aggregation.fedmtl_peak, scenario, clients).result() for clients in (4, 40)]
        few, many = (
            process.submit(aggregation.flower_peak, scenario, clients).result() for clients in (4, 40)
        )
    assert ours[1] < ours[0] + 3 * update
    assert many > few + 30 * update
