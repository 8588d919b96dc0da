"""Clients that come with a model, and leave with it where the federation's is no better."""

import pytest

from fedmtl.best_model import BEST, BROUGHT, read_best
from fedmtl.errors import ConfigError, RunError
from fedmtl.export import load_export
from fedmtl.loading import load
from fedmtl.reporting.best_round import best_round, rank_at
from fedmtl.reporting.events import read_events
from fedmtl.reporting.history import History
from simulations.bringing import bring_models, check_bringing
from simulations.inprocess import run_inprocess
from tests.federations import CLIENTS, best_of, bits, create, models_of, story_of, tiny
from tests.simulations.victim import killed_after_event


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    directory = create(tmp_path_factory.mktemp("local") / "run", "method.name=local", "rounds=2")
    run_inprocess(directory)
    return directory


@pytest.fixture(scope="module")
def federated(local, tmp_path_factory):
    directory = create(tmp_path_factory.mktemp("federated") / "run")
    check_bringing(directory.scenario, local)
    bring_models(directory, local)
    run_inprocess(directory)
    return directory


def curves(directory, client):
    history = History.of(read_events(directory.metrics))
    found = {task: history.primary(client, task) for task in history.tasks}
    return {task: each[1] for task, each in found.items() if each}


def test_each_client_leaves_with_the_better_of_both(local, federated):
    fell_back = set()
    for client in CLIENTS:
        best = read_best(federated.client_folder(client) / BEST, federated.identity["run"])
        alone, together = curves(local, client), curves(federated, client)
        own, other = best_round(alone), best_round(together)
        assert best.brought == {task: curve.values[own] for task, curve in alone.items()}
        if rank_at(alone, own) >= rank_at(together, other):
            fell_back.add(client)
            assert (best.round, best.metrics) == (0, best.brought)
        else:
            assert (best.round, best.metrics) == (
                other,
                {task: curve.values[other] for task, curve in together.items()},
            )
    assert fell_back
    assert fell_back != set(CLIENTS)


def test_what_it_falls_back_on_is_its_own_model_bit_for_bit(local, federated):
    for client in CLIENTS:
        own, left_with = (load(run.path, client) for run in (local, federated))
        weights = [bits({n: t.numpy() for n, t in m.network.state_dict().items()}) for m in (own, left_with)]
        fell_back = read_best(federated.client_folder(client) / BEST).round == 0
        assert (weights[0] == weights[1]) == fell_back
        assert list(left_with.tasks) == list(own.tasks)


def test_training_takes_no_notice_of_what_clients_came_with(federated, straight):
    assert story_of(federated) == story_of(straight)
    for client in CLIENTS:
        if read_best(federated.client_folder(client) / BEST).round:
            one, other = best_of(federated, client), best_of(straight, client)
            assert (one["weights"], one["round"]) == (other["weights"], other["round"])


def test_a_killed_run_ends_with_the_same_models_as_one_straight_through(local, federated, tmp_path):
    directory = create(tmp_path / "run")
    bring_models(directory, local)
    killed_after_event(directory, "b", 3)
    assert read_best(directory.client_folder("a") / BEST).round == 0
    run_inprocess(directory)
    assert models_of(directory) == models_of(federated)


def test_a_newcomer_comes_with_nothing(local, tmp_path):
    directory = create(tmp_path / "run", "clients.d={source: rooms, sites: ['0'], tasks: [depth]}")
    check_bringing(directory.scenario, local)
    bring_models(directory, local)
    assert load_export(directory.client_folder("a") / BROUGHT).client == "a"
    assert not directory.client_folder("d").exists()


@pytest.mark.parametrize(
    ("overrides", "difference"),
    [
        (["clients.a.tasks=[depth]"], "tasks"),
        (["clients.a.sites=['1']", "clients.b.sites=['0']"], "validation images or source options"),
        (["data.sources.rooms.val=1"], "validation images or source options"),
        (["data.sources.rooms.seed=9"], "validation images or source options"),
        (["data.holdout=0.5"], "validation images or source options"),
        (["data.image_size=[24,48]"], "settings of image_size or resize"),
    ],
    ids=str,
)
def test_a_model_that_cannot_be_measured_fairly_is_refused(overrides, difference, local):
    with pytest.raises(
        ConfigError,
        match=f"client 'a' cannot come with its model of .*run, where it had other {difference}; run without",
    ):
        check_bringing(tiny(*overrides), local)


def test_a_run_that_has_no_models_is_told(tmp_path):
    with pytest.raises(RunError, match="holds no checkpoint yet"):
        check_bringing(tiny(), create(tmp_path / "run"))
