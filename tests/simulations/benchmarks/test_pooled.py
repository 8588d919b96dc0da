from dataclasses import replace

import numpy as np
import pytest

from clients.site import make_sites
from fedmtl.data import ClientDataset
from fedmtl.errors import ConfigError
from fedmtl.scenario import to_yaml
from fedmtl.tasks import build_task
from simulations.benchmarks import pooled
from simulations.benchmarks.pool import Pool
from simulations.benchmarks.pooled import Training, table, train_and_measure
from simulations.comparison.runs import ComparedRun
from simulations.engines import Engine, run
from tests.federations import create, tiny

SETTINGS = ("rounds=2", "federation.evaluate_every=1", "federation.evaluate_test=true")


def row(seed, client, task, delta, alone=2.0):
    named = {"seed": seed, "domain": "rooms", "client": client, "task": task, "metric": "rmse"}
    return {**named, "higher_is_better": False, "alone": alone, "pooled": 1.0, "delta": delta}


def test_the_table_has_means_over_tasks_then_clients_and_spreads_over_seeds():
    rows = [
        *(row(0, "a", task, delta) for task, delta in (("depth", 1.0), ("range", 3.0))),
        row(0, "b", "depth", -4.0),
        row(1, "a", "depth", 3.0, alone=4.0),
        row(1, "b", "depth", None),
    ]
    *lines, everything = table(rows)
    assert [(line["client"], line["task"]) for line in lines] == [
        ("a", "depth"),
        ("a", "range"),
        ("b", "depth"),
    ]
    assert (lines[0]["alone"], lines[0]["Δ %"], lines[0]["metric"]) == (3.0, 2.0, "rmse ↓")
    assert everything["Δ %"] == 1.0
    assert everything["± over seeds"] == pytest.approx(2**0.5 * 2)


def test_an_image_in_a_pool_has_the_labels_of_its_own_client_and_no_others():
    sites = make_sites(tiny())
    pool = Pool(sites)
    assert len(pool.ids("train")) == sum(len(site.share.train) for site in sites.values())
    tasks = [build_task(pool.tasks[name]) for name in sorted(pool.tasks)]
    data = ClientDataset(pool, pool.ids("train"), tasks, tiny().data)
    for index, sample_id in enumerate(data.ids):
        client, _, own_id = sample_id.partition("/")
        labelled = {name for name, has in data[index]["labelled"].items() if has}
        assert labelled == {spec.name for spec in sites[client].tasks}
        assert labelled == {task.name for task in tasks if pool.has_label(sample_id, task.name)}
        own = sites[client].source.load(own_id, [])
        assert np.array_equal(pool.load(sample_id, list(pool.tasks)).image, own.image)


def test_alone_is_what_local_training_reaches(tmp_path):
    directory = create(tmp_path / "run", *SETTINGS, "rounds=1", "method.name=local")
    run(directory, Engine.inprocess)
    compared = ComparedRun("local", directory.scenario, directory)
    for client in "abc":
        curves = compared.curves(client, "test")
        measured = train_and_measure(Training(to_yaml(directory.scenario), (client,)))
        for (_, task), value in measured.items():
            assert value == pytest.approx(curves[task][1].values[1], rel=1e-4)


def test_a_pool_for_each_domain(monkeypatch):
    monkeypatch.setattr(pooled, "load_scenario", lambda path, overrides: tiny(*overrides))
    monkeypatch.setattr(pooled, "SETTINGS", SETTINGS)
    monkeypatch.setattr(pooled, "SEEDS", 1)
    rows = pooled.run(["clients.c.domain=other"], jobs=1)
    assert {(row["client"], row["domain"]) for row in rows} == {
        ("a", "rooms"),
        ("b", "rooms"),
        ("c", "other"),
    }
    # Who is alone in its domain has a pool that is its own images.
    assert all(row["delta"] in (0, None) for row in rows if row["domain"] == "other")
    assert any(row["delta"] not in (0, None) for row in rows if row["domain"] == "rooms")


def test_it_needs_test_images(monkeypatch):
    monkeypatch.setattr(pooled, "load_scenario", lambda path, overrides: tiny())
    with pytest.raises(ConfigError, match="evaluate_test"):
        pooled.run()


def test_one_model_takes_one_number_of_channels():
    sites = make_sites(tiny())
    site = sites["a"]

    class Grey(type(site.source)):
        channels = 1

    grey = replace(site, source=Grey(sites=3, train=4, val=2))
    with pytest.raises(ConfigError, match="domain 'rooms' have images of different channels"):
        pooled._domains({**sites, "a": grey})
