import numpy as np
import pytest

from fedmtl.errors import RunError
from fedmtl.snapshots import Snapshots


@pytest.fixture
def kept(tmp_path):
    """Snapshots of rounds 1 and 2."""
    snapshots = Snapshots(tmp_path / "checkpoints")
    for number in (1, 2):
        snapshots.write(number, {"x": np.full(2, number, np.float32)}, {"round": number})
    return snapshots


def test_every_round_is_read_by_its_number(kept):
    assert kept.rounds() == [1, 2]
    for number in (1, 2):
        tensors, state = kept.read(number)
        assert tensors["x"].tolist() == [number, number]
        assert state == {"round": number}


def test_writing_tells_the_size(kept):
    assert kept.write(12, {"x": np.zeros(9)}, {}) == kept.path(12).stat().st_size


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


def test_a_missing_round_is_told_with_those_that_are_there(kept):
    with pytest.raises(RunError, match=r"round-000003.* is missing \(rounds kept there: 1, 2\)"):
        kept.read(3)
    with pytest.raises(RunError, match="kept there: none"):
        Snapshots(kept.folder / "nowhere").read(1)
