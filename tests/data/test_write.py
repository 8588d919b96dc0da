import numpy as np
import pytest

from fedmtl.data import Folder, write_folder
from fedmtl.data.base import Sample
from fedmtl.errors import DataError
from fedmtl.tasks.spec import TaskSpec
from tests.data.memory import Memory

RNG = np.random.default_rng(0)


def assert_equal_sources(one, other):
    assert dict(one.tasks) == dict(other.tasks)
    for split in ("train", "val", "test"):
        assert list(one.ids(split)) == list(other.ids(split))
        for sample_id in one.ids(split):
            a, b = one.load(sample_id, list(one.tasks)), other.load(sample_id, list(one.tasks))
            np.testing.assert_array_equal(a.image, b.image)
            assert set(a.labels) == set(b.labels)
            for task, label in a.labels.items():
                np.testing.assert_allclose(label, b.labels[task], atol=5e-4)


def test_a_written_folder_reads_back_the_same(example, tmp_path):
    original = Folder(str(example))
    write_folder(original, tmp_path / "copy")
    copy = Folder(str(tmp_path / "copy"))
    assert copy.check() == []
    assert copy.entry("range").partial
    assert not copy.entry("semseg").partial
    assert_equal_sources(original, copy)


@pytest.mark.parametrize(("channels", "dtype"), [(1, np.uint8), (4, np.uint8), (30, np.float32)])
def test_images_of_any_sensor_are_written(tmp_path, channels, dtype):
    image = (RNG.random((4, 5, channels)) * 255).astype(dtype)
    spec = TaskSpec("crop", "regression", ("yield", "water"))
    sample = Sample("a/0", image, {"crop": np.array([0.1, np.nan], np.float32)})
    source = Memory([spec], {"a/0": sample}, {"train": ["a/0"]})
    write_folder(source, tmp_path / "x")
    folder = Folder(str(tmp_path / "x"))
    assert_equal_sources(source, folder)
    np.testing.assert_array_equal(folder.load("a/0", ["crop"]).labels["crop"], sample.labels["crop"])


def test_a_folder_in_use_is_left_alone(example):
    with pytest.raises(DataError, match="not an empty folder"):
        write_folder(Folder(str(example)), example)
    with pytest.raises(DataError, match="not an empty folder"):
        write_folder(Folder(str(example)), example / "labels.csv")


@pytest.mark.parametrize(
    "other",
    [
        TaskSpec("y", "multilabel", ("a", "b")),
        TaskSpec("a", "regression"),
        TaskSpec("y", "multilabel", ("x", "c")),
    ],
)
def test_tasks_that_need_one_column_are_refused(tmp_path, other):
    source = Memory([TaskSpec("x", "multilabel", ("a", "id2")), other])
    with pytest.raises(DataError, match=r"labels\.csv cannot hold task"):
        write_folder(source, tmp_path / "x")
