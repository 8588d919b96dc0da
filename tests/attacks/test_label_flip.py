import numpy as np
import pytest

from fedmtl.attacks import build_attack
from fedmtl.attacks.label_flip import Flipped
from fedmtl.data.rooms import Rooms
from fedmtl.errors import ConfigError
from fedmtl.tasks import TASKS, TaskSpec, build_task
from fedmtl.tasks.base import Task
from fedmtl.tasks.edge import Edge
from tests.tasks.examples import NINE

THREE = ("sky", "wall", "floor")
NAN = float("nan")
CASES = [
    (TaskSpec("a", "semseg", THREE), np.uint8([[0, 1], [2, 255]]), np.uint8([[2, 1], [0, 255]])),
    (TaskSpec("a", "human_parts", THREE), np.uint8([[0, 0], [2, 255]]), np.uint8([[2, 2], [0, 255]])),
    (TaskSpec("a", "classification", THREE), np.array([2]), np.array([0])),
    (TaskSpec("a", "classification", THREE), np.array([-1]), np.array([-1])),
    (TaskSpec("a", "multilabel", THREE), np.float32([0, 1, NAN]), np.float32([1, 0, NAN])),
    (TaskSpec("a", "regression"), np.float32([1.5]), np.float32([-1.5])),
    (TaskSpec("a", "depth"), np.float32([[1, 4], [2, 0]]), np.float32([[4, 1], [3, 0]])),
    (TaskSpec("a", "depth"), np.zeros((2, 2), np.float32), np.zeros((2, 2), np.float32)),
    (TaskSpec("a", "boundary"), np.int16([[0, 255], [-1, 100]]), np.int16([[255, 0], [-1, 155]])),
    (TaskSpec("a", "edge"), np.int16([[0, 255], [-1, 100]]), np.int16([[255, 0], [-1, 155]])),
    (TaskSpec("a", "saliency"), np.int16([[0, 255], [-1, 100]]), np.int16([[255, 0], [-1, 155]])),
    (TaskSpec("a", "dense_regression"), np.float32([[[0.25], [-1]]]), np.float32([[[0.75], [-1]]])),
    (TaskSpec("a", "autoencoding"), np.float32([[[0.25, 1, -1]]]), np.float32([[[0.75, 0, -1]]])),
    (TaskSpec("a", "soft_classification", THREE), np.float32([0.5, 0.5, 0]), np.float32([0, 0.5, 0.5])),
    (TaskSpec("a", "room_layout", NINE["room_layout"]), np.arange(9) + 1.0, -np.arange(9) - 1.0),
    (TaskSpec("a", "vanishing_points", NINE["vanishing_points"]), np.eye(3).ravel(), -np.eye(3).ravel()),
    (TaskSpec("a", "normals"), np.float32([[[0, 0, 1], [0, 0, 0]]]), np.float32([[[0, 0, -1], [0, 0, 0]]])),
]


@pytest.mark.parametrize(("spec", "label", "expected"), CASES, ids=lambda one: getattr(one, "kind", ""))
def test_by_hand(spec, label, expected):
    found = build_task(spec).opposite(label)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == label.dtype


def test_every_kind_of_task_has_its_case():
    without_contrary = {"regions"}
    assert {spec.kind for spec, _, _ in CASES} == set(TASKS) - without_contrary
    with pytest.raises(ConfigError, match="of kind 'regions', whose labels have no contrary"):
        build_task(TaskSpec("a", "regions")).opposite(np.zeros((2, 2), np.int32))


@pytest.mark.parametrize("task", list(Rooms().tasks))
def test_a_flipped_label_is_one_still_and_flipped_again_what_it_was(task):
    rooms = Rooms(height=32, width=48)
    built = build_task(rooms.tasks[task])
    label = rooms.load("0/train-0", [task]).labels[task]
    flipped = Flipped(rooms).load("0/train-0", [task]).labels[task]
    assert not np.array_equal(flipped, label)
    np.testing.assert_allclose(built.opposite(flipped), label, rtol=1e-5, atol=1e-5)
    assert built.target(flipped).shape == built.target(label).shape


def test_images_ids_and_other_sources_stay_as_they_are():
    rooms = Rooms(height=32, width=48)
    poisoned = build_attack({"name": "label-flip"}, "clients.a.attack").poison(rooms)
    assert poisoned.ids("val") == rooms.ids("val")
    assert (poisoned.tasks, poisoned.channels) == (rooms.tasks, 3)
    assert poisoned.site("1/train-0") == "1"
    assert poisoned.has_label("1/train-0", "depth")
    assert poisoned.check() == []
    np.testing.assert_array_equal(
        poisoned.load("0/train-0", ["semseg"]).image, rooms.load("0/train-0", ["semseg"]).image
    )


class Pose(Edge):
    def opposite(self, label):
        return Task.opposite(self, label)


def test_a_kind_that_says_nothing_of_contraries_cannot_be_flipped():
    pose = Pose(TaskSpec("pose", "my:Pose"))
    with pytest.raises(ConfigError, match="task 'pose' is of kind 'my:Pose', whose labels have no contrary"):
        pose.opposite(np.zeros((2, 2), np.int16))
