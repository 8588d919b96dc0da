"""When a model can stand in for another, and how it is built again."""

import re
from dataclasses import replace

import msgspec
import pytest
import torch

from fedmtl.card import Card
from fedmtl.config import Resize
from fedmtl.loading import load


@pytest.fixture(scope="module")
def model(straight):
    return load(straight.path, "a")


@pytest.fixture(scope="module")
def card(model):
    return Card.of(model)


def test_card_and_weights_are_the_model(model, card):
    again = card.model_with(model.network.state_dict())
    assert Card.of(again) == card
    image = torch.rand(1, 3, 32, 48)
    with torch.inference_mode():
        for task, expected in model.network(image).predictions.items():
            assert torch.equal(again.network(image).predictions[task], expected)


def test_a_model_of_which_one_task_is_asked_for_is_still_whole(straight, model):
    part = Card.of(load(straight.path, "a", ["depth"]))
    again = part.model_with(model.network.state_dict())
    assert list(again.tasks) == ["depth"]
    assert set(again.network.state_dict()) == set(model.network.state_dict())


def test_it_stands_in_for_one_of_the_same_and_of_fewer_tasks(card):
    fewer = msgspec.structs.replace(card, tasks=card.tasks[:1])
    assert card.misfit(card) is None
    assert card.misfit(fewer) is None
    assert fewer.misfit(card) == "does not predict 'semseg' as this client labels it"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"channels": 5}, "takes images of 3 channels, not of 5"),
        ({"size": (64, 96)}, "was trained on other images .*: stretch to 32x48, not stretch to 64x96"),
        ({"resize": Resize.pad}, "was trained on other images .*: stretch to 32x48, not pad to 32x48"),
    ],
)
def test_images_have_to_be_the_same(card, changes, reason):
    assert re.search(reason, card.misfit(msgspec.structs.replace(card, **changes)))


def test_classes_have_to_be_the_same(card):
    depth, semseg = card.tasks
    turned = replace(semseg, classes=semseg.classes[::-1])
    assert "'semseg'" in card.misfit(msgspec.structs.replace(card, tasks=(depth, turned)))
