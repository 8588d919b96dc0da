"""That the bare loop does the work that the engine is compared with; speed is the benchmark's affair."""

import numpy as np
import pytest

from clients.site import make_sites
from fedmtl.config import Plan
from fedmtl.errors import ConfigError
from simulations.benchmarks import run_benchmark
from simulations.benchmarks.engines import BareClient, Stopwatch
from simulations.engines import Engine, run
from tests.federations import CLIENTS, create, tiny

# SGD, because AdamW makes much of the last bits of small gradients.
ALONE = (
    "method.name=local",
    "rounds=2",
    "federation.evaluate_every=0",
    "training.optimizer=sgd",
    "training.lr=0.01",
)


def test_the_bare_loop_trains_as_the_engine_does(tmp_path):
    directory = create(tmp_path / "run", *ALONE)
    run(directory, Engine.inprocess)
    scenario = tiny(*ALONE)
    for name, site in make_sites(scenario).items():
        client = BareClient.of(site, Plan.of(scenario))
        layouts = {g: layout for g, layout in client.vectors.layouts.items() if g != "constant"}
        before = {group: client.vectors.read(group) for group in layouts}
        for number in (1, 2):
            client.train(number)
        tensors, _ = directory.private_states(name).read(2)
        trained = {group: tensors[group] for group in layouts}
        for group in layouts:
            moved = np.linalg.norm(trained[group] - before[group])
            # Sums in another order, amplified by batches of two under batch normalisation.
            assert np.linalg.norm(client.vectors.read(group) - trained[group]) <= 0.01 * moved + 1e-6


def test_every_client_of_every_round_is_timed_in_both(tmp_path):
    directory = create(tmp_path / "run", "rounds=2")
    watch = Stopwatch(directory.scenario)
    run(directory, Engine.inprocess, [watch])
    assert set(watch.clients) == set(CLIENTS)
    assert set(watch.bare) == {1, 2} <= set(watch.inprocess)
    assert all(seconds > 0 for seconds in [*watch.bare.values(), *watch.inprocess.values()])


def test_an_unknown_benchmark_and_settings_for_one_that_has_none_are_refused():
    with pytest.raises(ConfigError, match="did you mean 'engines'"):
        run_benchmark("engine")
    with pytest.raises(ConfigError, match="rooms takes no settings, such as 'sites=2'"):
        run_benchmark("rooms", ["sites=2"])
