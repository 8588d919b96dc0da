import numpy as np
import pytest

from fedmtl.data.parts_file import Part, read_parts, write_parts

ARRAYS = {
    "image": np.arange(24, dtype=np.uint8).reshape(2, 4, 3),
    "depth": np.linspace(0, 1, 6, dtype=np.float32).reshape(2, 3),
    "class": np.array([3]),
}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new" / "ab" / "cd.npy"


def test_parts_are_read_as_they_were_written(path, tmp_path):
    write_parts(path, {name: Part(f"of {name}", array) for name, array in ARRAYS.items()})
    parts = read_parts(path)
    assert list(parts) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert parts[name].identity == f"of {name}"
        assert parts[name].array.dtype == array.dtype
        np.testing.assert_array_equal(parts[name].array, array)
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0


def test_that_there_is_nothing_is_kept_too(path):
    write_parts(path, {"a": Part("x", None), "b": Part("y", np.ones(2))})
    assert read_parts(path)["a"] == Part("x", None)
    assert read_parts(path)["b"].array.tolist() == [1, 1]


def test_who_reads_a_file_keeps_it_when_it_is_replaced(path):
    write_parts(path, {"a": Part("old", np.ones(3))})
    held = read_parts(path)["a"].array
    write_parts(path, {"a": Part("new", np.zeros(3))})
    assert held.tolist() == [1, 1, 1]
    assert read_parts(path)["a"].array.tolist() == [0, 0, 0]


@pytest.mark.parametrize("keep", [0, 5, 40, 130, 800])
def test_a_damaged_file_is_as_good_as_none(path, keep):
    write_parts(path, {"a": Part("x", np.ones(100))})
    path.write_bytes(path.read_bytes()[:keep])
    assert read_parts(path) == {}


def test_a_file_of_another_kind_is_as_good_as_none(path):
    assert read_parts(path) == {}
    path.parent.mkdir(parents=True)
    np.save(path, np.ones(100))
    assert read_parts(path) == {}
