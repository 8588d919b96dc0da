import errno
import os

import numpy as np
import pytest
from safetensors.numpy import load_file

from fedmtl import snapshots as module
from fedmtl.errors import RunError
from fedmtl.snapshots import Snapshots

TENSORS = {
    "weight": np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32),
    "step": np.array(7.0, np.float32),
    "counter": np.array(2**40),
    "none": np.empty((0, 2), np.float32),
    "a/b:c": np.arange(3, dtype=np.float64),
}
STATE = {"round": 3, "clients": {"süd": {"accepted": 2}}, "names": ["a", None, 0.1]}


@pytest.fixture
def kept(tmp_path):
    """Snapshots of rounds 1 and 2."""
    snapshots = Snapshots(tmp_path / "checkpoints")
    for number in (1, 2):
        snapshots.write(number, {"x": np.full(2, number, np.float32)}, {"round": number})
    return snapshots


def assert_untouched(snapshots):
    assert snapshots.rounds() == [1, 2]
    for number in (1, 2):
        tensors, state = snapshots.read(number)
        assert tensors["x"].tolist() == [number, number]
        assert state == {"round": number}


def test_what_was_written_is_read_bit_for_bit(tmp_path):
    snapshots = Snapshots(tmp_path / "not" / "yet" / "there")
    size = snapshots.write(12, TENSORS, STATE)
    assert size == snapshots.path(12).stat().st_size
    tensors, state = snapshots.read(12)
    assert state == STATE
    assert set(tensors) == set(TENSORS)
    for name, tensor in TENSORS.items():
        assert tensors[name].dtype == tensor.dtype
        assert tensors[name].shape == tensor.shape
        assert tensors[name].tobytes() == tensor.tobytes()


def test_any_safetensors_reader_can_read_it(kept):
    assert load_file(kept.path(2))["x"].tolist() == [2, 2]


@pytest.mark.parametrize("part", [slice(None, None, 2), (slice(None), slice(1, 3))])
def test_a_part_of_an_array_is_written_as_it_looks(kept, part):
    array = np.arange(24, dtype=np.float32).reshape(4, 6)
    kept.write(3, {"part": array[part], "turned": array.T}, {})
    tensors, _ = kept.read(3)
    np.testing.assert_array_equal(tensors["part"], array[part])
    np.testing.assert_array_equal(tensors["turned"], array.T)


def test_rounds_are_told_from_other_files(kept):
    for name in ("round-000003.partial", "round-3.safetensors", "round-000004.safetensors.bak", "clients"):
        (kept.folder / name).touch()
    assert kept.rounds() == [1, 2]
    assert Snapshots(kept.folder / "nowhere").rounds() == []


def test_rounds_beyond_six_digits_are_in_order(kept):
    kept.write(1_000_000, {}, {})
    kept.write(999_999, {}, {})
    assert kept.rounds() == [1, 2, 999_999, 1_000_000]


def test_the_same_round_can_be_written_again(kept):
    kept.write(2, {"y": np.zeros(1)}, {"again": True})
    tensors, state = kept.read(2)
    assert set(tensors) == {"y"}
    assert state == {"again": True}


def test_only_the_rounds_to_keep_are_kept(kept):
    kept.keep([2, 7])
    assert kept.rounds() == [2]
    kept.keep([])
    assert kept.rounds() == []


class KilledError(BaseException):
    """Ends the process, as it were."""


def killed(*_):
    raise KilledError


def full_disk(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("number", [2, 3])
def test_a_process_killed_before_the_rename_leaves_the_old_ones(kept, monkeypatch, number):
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", killed)
        with pytest.raises(KilledError):
            kept.write(number, TENSORS, STATE)
    assert_untouched(kept)
    kept.write(3, TENSORS, STATE)
    assert sorted(path.suffix for path in kept.folder.iterdir())[-3:] == [".safetensors"] * 3


def half_a_file(tensors, path, metadata):
    path.write_bytes(b"half")
    full_disk()


@pytest.mark.parametrize(
    ("where", "what"),
    [("save_file", half_a_file), ("save_file", full_disk), ("_sync", full_disk)],
)
@pytest.mark.parametrize("number", [2, 3])
def test_a_full_disk_is_told_and_loses_nothing(kept, monkeypatch, where, what, number):
    with monkeypatch.context() as patch:
        patch.setattr(module, where, what)
        with pytest.raises(RunError, match=rf"round-00000{number}.* cannot be written: .*No space left"):
            kept.write(number, TENSORS, STATE)
    assert_untouched(kept)
    assert sorted(path.name for path in kept.folder.iterdir()) == [kept.path(n).name for n in (1, 2)]


def test_a_file_where_the_folder_should_be_is_told(tmp_path):
    (tmp_path / "checkpoints").touch()
    with pytest.raises(RunError, match="cannot be written"):
        Snapshots(tmp_path / "checkpoints").write(1, TENSORS, STATE)


def test_data_is_on_the_disk_before_the_name_is(kept, monkeypatch):
    calls, rename, sync = [], module.Path.replace, module._sync
    monkeypatch.setattr(module, "_sync", lambda path: (calls.append(path.suffix), sync(path)))
    monkeypatch.setattr(
        "pathlib.Path.replace", lambda path, to: (calls.append("rename"), rename(path, to))[1]
    )
    kept.write(3, TENSORS, STATE)
    assert calls == [".partial", "rename", ""]


def test_a_missing_round_is_told_with_those_that_are_there(kept):
    with pytest.raises(RunError, match=r"round-000003.* is missing \(rounds kept there: 1, 2\)"):
        kept.read(3)
    with pytest.raises(RunError, match="kept there: none"):
        Snapshots(kept.folder / "nowhere").read(1)


@pytest.mark.parametrize("keep", [0, 1, 7, 9, 60, -1])
def test_a_cut_file_is_told(kept, keep):
    path = kept.path(2)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(RunError, match=r"round-000002.* is damaged: .*; restore it from a copy"):
        kept.read(2)


@pytest.mark.parametrize("metadata", [None, {"other": "1"}, {"state": "{"}])
def test_a_file_without_its_state_is_told(kept, metadata):
    module.save_file({"x": np.zeros(1)}, kept.path(2), metadata=metadata)
    with pytest.raises(RunError, match="is damaged"):
        kept.read(2)
