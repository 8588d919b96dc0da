import numpy as np
import pytest

from fedmtl.data.base import Sample
from fedmtl.data.labels import UNLABELLED, dominant_classes, is_labelled
from fedmtl.errors import ConfigError
from fedmtl.tasks import TASKS
from fedmtl.tasks.spec import TaskSpec
from tests.data.memory import CLASSES, Memory
from tests.tasks.examples import make

IMAGE = np.zeros((2, 3, 3), np.uint8)
ROOM = TaskSpec("room", "classification", ("kitchen", "office"))


def memory(spec, labels):
    samples = {
        sample_id: Sample(sample_id, IMAGE, {} if label is None else {spec.name: np.array(label)})
        for sample_id, label in labels.items()
    }
    return Memory([spec], samples)


def test_the_most_frequent_labelled_class_prevails():
    labels = {
        "a": np.uint8([[0, 0, 0], [1, 2, 2]]),
        "b": np.uint8([[255, 255, 255], [255, 1, 255]]),
        "c": np.uint8([[255] * 3] * 2),
        "d": None,
    }
    classes = dominant_classes(memory(CLASSES, labels), ["d", "b", "a", "c"], "semseg")
    np.testing.assert_array_equal(classes, [UNLABELLED, 1, 0, UNLABELLED])


def test_a_classification_is_its_own_dominant_class():
    source = memory(ROOM, {"a": [1], "b": None, "c": [0]})
    np.testing.assert_array_equal(dominant_classes(source, ["a", "b", "c"], "room"), [1, UNLABELLED, 0])


@pytest.mark.parametrize("kind", ["depth", "normals", "edge", "saliency", "regression"])
def test_kinds_without_class_indices_are_refused(kind):
    with pytest.raises(ConfigError, match=r"data\.partition\.task: the dirichlet partition needs"):
        dominant_classes(memory(TaskSpec(kind, kind), {}), [], kind)


def test_an_unknown_task_is_refused():
    with pytest.raises(ConfigError, match="did you mean 'semseg'"):
        dominant_classes(memory(CLASSES, {}), [], "semsge")


@pytest.mark.parametrize("kind", list(TASKS))
def test_the_unlabelled_label_of_every_kind_is_not_labelled(kind):
    task = make(kind)
    label = np.array(task.unlabelled((2, 3)))
    assert not is_labelled(task, label, (2, 3))
    label[(0,) * label.ndim] = 1
    assert is_labelled(task, label, (2, 3))
