"""Files of tensors appear whole or not at all, and what is wrong with one is told."""

import errno
import os

import numpy as np
import pytest
from safetensors.numpy import load_file

from fedmtl import tensor_file as module
from fedmtl.errors import RunError
from fedmtl.tensor_file import read_state, read_tensors, write_tensors

TENSORS = {
    "weight": np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32),
    "step": np.array(7.0, np.float32),
    "counter": np.array(2**40),
    "none": np.empty((0, 2), np.float32),
    "a/b:c": np.arange(3, dtype=np.float64),
}
STATE = {"round": 3, "clients": {"süd": {"accepted": 2}}, "names": ["a", None, 0.1]}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "folder" / "x.safetensors"
    write_tensors(path, {"x": np.ones(2, np.float32)}, {"old": True})
    return path


def assert_untouched(path):
    tensors, state = read_tensors(path)
    assert tensors["x"].tolist() == [1, 1]
    assert state == {"old": True}


def test_what_was_written_is_read_bit_for_bit(tmp_path):
    path = tmp_path / "not" / "yet" / "there" / "x.safetensors"
    assert write_tensors(path, TENSORS, STATE) == path.stat().st_size
    tensors, state = read_tensors(path)
    assert state == read_state(path) == STATE
    assert set(tensors) == set(TENSORS)
    for name, tensor in TENSORS.items():
        assert tensors[name].dtype == tensor.dtype
        assert tensors[name].shape == tensor.shape
        assert tensors[name].tobytes() == tensor.tobytes()


def test_any_safetensors_reader_can_read_it(path):
    assert load_file(path)["x"].tolist() == [1, 1]


@pytest.mark.parametrize("part", [slice(None, None, 2), (slice(None), slice(1, 3))])
def test_a_part_of_an_array_is_written_as_it_looks(path, part):
    array = np.arange(24, dtype=np.float32).reshape(4, 6)
    write_tensors(path, {"part": array[part], "turned": array.T}, {})
    tensors, _ = read_tensors(path)
    np.testing.assert_array_equal(tensors["part"], array[part])
    np.testing.assert_array_equal(tensors["turned"], array.T)


class KilledError(BaseException):
    """Ends the process, as it were."""


def killed(*_):
    raise KilledError


def full_disk(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def half_a_file(tensors, path, metadata):
    path.write_bytes(b"half")
    full_disk()


def test_a_process_killed_before_the_rename_leaves_the_old_one(path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", killed)
        with pytest.raises(KilledError):
            write_tensors(path, TENSORS, STATE)
    assert_untouched(path)
    write_tensors(path, TENSORS, STATE)
    assert read_state(path) == STATE
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("where", "what"),
    [("save_file", half_a_file), ("save_file", full_disk), ("_sync", full_disk)],
)
def test_a_full_disk_is_told_and_loses_nothing(path, monkeypatch, where, what):
    with monkeypatch.context() as patch:
        patch.setattr(module, where, what)
        with pytest.raises(RunError, match=r"x\.safetensors cannot be written: .*No space left"):
            write_tensors(path, TENSORS, STATE)
    assert_untouched(path)
    assert list(path.parent.iterdir()) == [path]


def test_a_file_where_the_folder_should_be_is_told(tmp_path):
    (tmp_path / "folder").touch()
    with pytest.raises(RunError, match="cannot be written"):
        write_tensors(tmp_path / "folder" / "x.safetensors", TENSORS, STATE)


def test_data_is_on_the_disk_before_the_name_is(path, monkeypatch):
    calls, rename, sync = [], module.Path.replace, module._sync
    monkeypatch.setattr(module, "_sync", lambda path: (calls.append(path.suffix), sync(path)))
    monkeypatch.setattr(
        "pathlib.Path.replace", lambda path, to: (calls.append("rename"), rename(path, to))[1]
    )
    write_tensors(path, TENSORS, STATE)
    assert calls == [".partial", "rename", ""]


@pytest.mark.parametrize("read", [read_tensors, read_state])
@pytest.mark.parametrize("keep", [0, 1, 7, 9, 60, -1])
def test_a_cut_file_is_told(path, keep, read):
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(RunError, match=r"x\.safetensors is damaged: .*; restore it from a copy"):
        read(path)


@pytest.mark.parametrize("metadata", [None, {"other": "1"}, {"state": "{"}])
def test_a_file_without_its_state_is_told(path, metadata):
    module.save_file({"x": np.zeros(1)}, path, metadata=metadata)
    with pytest.raises(RunError, match="is damaged"):
        read_state(path)
