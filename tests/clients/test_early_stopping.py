"""The best of all models that a client ever measured is kept, whatever the order, and what it came with is one."""

import itertools
from dataclasses import replace

import pytest
import torch

from clients.early_stopping import EarlyStopping
from fedmtl.best_model import BEST, BROUGHT, load_best, read_best
from fedmtl.card import Card
from fedmtl.config import Resize
from fedmtl.errors import ConfigError, RunError
from fedmtl.export import Format, export
from fedmtl.loading import load
from fedmtl.training.statistics import split_statistics
from tests.clients.joining import evaluate, join, sent

ROUNDS = {1: (30.0, 0.9), 2: (40.0, 0.5), 3: (44.0, 0.6), 4: (40.0, 0.5), 5: (20.0, 0.2)}
"""Round → mIoU and RMSE: round 5 is best (20 / 0.2), then 2 and 4 (40 / 0.5)."""


@pytest.fixture
def model(straight):
    """A client with one task where higher and one where lower is better."""
    return load(straight.path, "a")


def mark(model, number):
    """Make a model's weights those of a round."""
    with torch.no_grad():
        next(model.network.parameters()).fill_(number)


def marked(model):
    return next(model.network.parameters()).flatten()[0].item()


def never(_):
    raise AssertionError("nothing was brought")


def offer(stopping, model, *numbers, run="r1", measure=never):
    for number in numbers:
        mark(model, number)
        semseg, depth = ROUNDS[number]
        stopping.offer(run, number, {"semseg": semseg, "depth": depth}, measure)


def bring(folder, model, number=70):
    mark(model, number)
    export(model, folder / BROUGHT, Format.none)


@pytest.mark.parametrize("order", list(itertools.permutations([1, 2, 3, 4]))[::5], ids=str)
def test_the_best_is_kept_in_whatever_order_and_of_equals_the_earliest(order, model, tmp_path):
    offer(EarlyStopping(tmp_path, tmp_path / BROUGHT, model), model, *order)
    assert read_best(tmp_path / BEST, "r1").round == 2
    assert marked(load_best(tmp_path / BEST)) == 2


def test_it_goes_on_from_the_file_and_writes_only_what_is_better(model, tmp_path):
    offer(EarlyStopping(tmp_path, tmp_path / BROUGHT, model), model, 1, 2)
    written = (tmp_path / BEST).stat().st_mtime_ns
    offer(EarlyStopping(tmp_path, tmp_path / BROUGHT, model), model, 3, 2, 4)
    assert (tmp_path / BEST).stat().st_mtime_ns == written
    offer(EarlyStopping(tmp_path, tmp_path / BROUGHT, model), model, 5)
    best = read_best(tmp_path / BEST)
    assert (best.round, best.metrics, best.brought) == (5, {"semseg": 20.0, "depth": 0.2}, None)


def test_what_could_not_be_measured_is_not_kept(model, tmp_path):
    stopping = EarlyStopping(tmp_path, tmp_path / BROUGHT, model)
    stopping.offer("r1", 1, {}, never)
    assert read_best(tmp_path / BEST) is None
    stopping.offer("r1", 2, {"depth": 0.1}, never)
    stopping.offer("r1", 3, {"semseg": 1.0, "depth": 5.0}, never)
    assert read_best(tmp_path / BEST).round == 3


@pytest.mark.parametrize(
    ("came_with", "kept"),
    [
        ({"semseg": 50.0, "depth": 0.45}, 0),
        ({"semseg": 40.0, "depth": 0.5}, 0),
        ({"semseg": 39.0, "depth": 0.5}, 2),
        ({"semseg": 39.0}, 2),
    ],
    ids=["better", "as good", "worse", "of one task alone"],
)
def test_a_client_leaves_with_what_it_came_with_unless_a_round_is_better(came_with, kept, model, tmp_path):
    bring(tmp_path, replace(model, client="somebody"))
    offer(EarlyStopping(tmp_path, tmp_path / BROUGHT, model), model, 1, 2, 3, measure=lambda _: came_with)
    best = read_best(tmp_path / BEST, "r1")
    assert (best.round, best.brought) == (kept, came_with)
    assert best.metrics == (came_with if kept == 0 else {"semseg": 40.0, "depth": 0.5})
    left_with = load_best(tmp_path / BEST)
    assert (left_with.client, marked(left_with)) == ("a", 70 if kept == 0 else kept)


def test_what_it_came_with_is_measured_once(model, tmp_path):
    bring(tmp_path, model)
    measured = []

    def measure(brought):
        measured.append(marked(brought))
        return {"semseg": 1.0, "depth": 9.0}

    for number in (1, 2, 3):
        offer(EarlyStopping(tmp_path, tmp_path / BROUGHT, model), model, number, measure=measure)
    assert measured == [70]


def test_what_does_not_fit_the_client_is_refused(model, tmp_path):
    bring(tmp_path, replace(model, resize=Resize.pad))
    with pytest.raises(
        ConfigError, match=r"the model in .*brought was trained on other images .*; replace it, or"
    ):
        EarlyStopping(tmp_path, tmp_path / BROUGHT, model)


def test_the_former_model_of_other_tasks_is_none(model, tmp_path):
    part = replace(model, tasks={"depth": model.tasks["depth"]})
    EarlyStopping(tmp_path, tmp_path / BROUGHT, part).offer("r1", 1, {"depth": 0.001}, never)
    offer(EarlyStopping(tmp_path, tmp_path / BROUGHT, model), model, 3)
    assert read_best(tmp_path / BEST).round == 3


def test_another_runs_best_model_is_never_written_over(model, tmp_path):
    offer(EarlyStopping(tmp_path, tmp_path / BROUGHT, model), model, 1)
    with pytest.raises(RunError, match="belongs to run 'r1', not to 'r2'"):
        offer(EarlyStopping(tmp_path, tmp_path / BROUGHT, model), model, 2, run="r2")
    assert read_best(tmp_path / BEST).round == 1


def test_a_client_keeps_what_it_was_measured_with(tmp_path):
    participant = join(tmp_path, "b")
    groups = sent(participant)
    evaluate(participant, groups, "test")
    assert read_best(tmp_path / "b" / BEST) is None  # of the test nothing is chosen
    _, statistics = evaluate(participant, groups)
    best = read_best(tmp_path / "b" / BEST, "run")
    kept = load_best(tmp_path / "b" / BEST)
    assert best.card == Card.of(kept)
    for name, tensor in participant.model.network.state_dict().items():
        assert torch.equal(kept.network.state_dict()[name], tensor)
    (task,) = participant.tasks
    metrics = task.metrics(split_statistics(task.spec, statistics["val/semseg"]))
    assert best.metrics == {"semseg": metrics["mIoU"]}
