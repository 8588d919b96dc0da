"""A client's best model in a file that stands by itself."""

from dataclasses import replace

import pytest
import torch
from safetensors.numpy import load_file, save_file

from fedmtl.best_model import BEST, Best, load_best, read_best, write_best
from fedmtl.card import Card
from fedmtl.errors import RunError
from fedmtl.loading import load


@pytest.fixture(scope="module")
def model(straight):
    return load(straight.path, "a")


@pytest.fixture
def path(model, tmp_path):
    path = tmp_path / "a" / BEST
    write_best(path, best(model), model)
    return path


def best(model, **changes):
    said = {"run": "r1", "round": 3, "metrics": {"depth": 0.1 + 0.2, "semseg": 41.0}, "brought": None}
    return Best(**{**said, **changes}, card=Card.of(model))


@torch.inference_mode()
def outputs(model):
    image = torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    return model.network(image, list(model.tasks)).predictions


def test_what_is_said_of_the_model_comes_back_bit_for_bit(path, model):
    assert read_best(path) == read_best(path, "r1") == best(model)
    brought = best(model, round=0, brought={"depth": 0.7})
    write_best(path, brought, model)
    assert read_best(path) == brought


def test_the_model_comes_back_bit_for_bit(path, model):
    again = load_best(path, "r1")
    assert (again.client, again.size, again.channels, again.resize) == ("a", (32, 48), 3, model.resize)
    assert list(again.tasks) == ["depth", "semseg"]
    assert not again.network.training
    for task, expected in outputs(model).items():
        assert torch.equal(outputs(again)[task], expected)


def test_it_needs_no_run(path):
    assert load(path).client == "a"
    assert list(load(str(path), "a", ["depth"]).tasks) == ["depth"]
    with pytest.raises(RunError, match=r"best\.safetensors is a model of client 'a', not of 'b'"):
        load(path, "b")
    with pytest.raises(RunError, match=r"best\.safetensors has no task 'edge'; known: depth, semseg"):
        load(path, tasks=["edge"])


def test_where_there_is_none_there_is_none(tmp_path):
    assert read_best(tmp_path / BEST) is None
    assert load_best(tmp_path / BEST, "r1") is None


def test_another_runs_is_told(path):
    for read in (read_best, load_best):
        with pytest.raises(RunError, match=r"belongs to run 'r1', not to 'r2'; move it to"):
            read(path, "r2")


@pytest.mark.parametrize("keep", [0, 7, 100])
def test_a_cut_file_is_told(path, keep):
    path.write_bytes(path.read_bytes()[:keep])
    for read in (read_best, load_best):
        with pytest.raises(RunError, match=r"best\.safetensors is damaged"):
            read(path)


def test_another_programs_file_is_told(path):
    save_file(load_file(path), path, metadata={"state": '{"run": "r1"}'})
    with pytest.raises(RunError, match="is not a client's best model"):
        read_best(path)


def test_weights_that_do_not_fit_are_told(path, model):
    said = best(model)
    card = Card.of(
        replace(model, config=replace(model.config, adapter=replace(model.config.adapter, bottleneck=5)))
    )
    write_best(path, Best(said.run, said.round, said.metrics, None, card), model)
    with pytest.raises(RunError, match=r"best\.safetensors is damaged: .*; restore it from a copy"):
        load_best(path)
