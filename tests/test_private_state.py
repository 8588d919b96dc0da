import numpy as np
import pytest

from fedmtl.errors import RunError
from fedmtl.exchange.layout import Entry, Layout
from fedmtl.private_state import PrivateState, read_private, write_private
from fedmtl.snapshots import Snapshots

LAYOUTS = {
    "norm_stats": Layout((Entry("mean", (2,), "float32"), Entry("seen", (), "int64"))),
    "head/depth": Layout((Entry("bias", (1,), "float32"),)),
}
STATE = PrivateState(
    {"norm_stats": np.array([1.5, -2, 7], np.float32), "head/depth": np.array([3], np.float32)},
    {"head.bias/step": np.array(4.0, np.float32)},
    {"head/depth": np.array([0.25], np.float32)},
)


@pytest.fixture
def snapshots(tmp_path):
    snapshots = Snapshots(tmp_path)
    write_private(snapshots, 3, "r1", LAYOUTS, STATE)
    return snapshots


def test_what_was_written_is_read(snapshots):
    read = read_private(snapshots, 3, LAYOUTS, "r1")
    for mine, theirs in (
        (read.groups, STATE.groups),
        (read.optimizer, STATE.optimizer),
        (read.residuals, STATE.residuals),
    ):
        assert set(mine) == set(theirs)
        for name in mine:
            np.testing.assert_array_equal(mine[name], theirs[name], strict=True)


def test_only_the_groups_that_are_asked_for_and_held_are_given(snapshots):
    wanted = {"head/depth": LAYOUTS["head/depth"], "head/semseg": LAYOUTS["norm_stats"]}
    read = read_private(snapshots, 3, wanted, "r1")
    assert set(read.groups) == set(read.residuals) == {"head/depth"}
    assert not read_private(snapshots, 3, {"norm_stats": LAYOUTS["norm_stats"]}, "r1").residuals


def test_a_group_of_the_same_length_but_another_layout_is_refused(snapshots):
    other = {"norm_stats": Layout((Entry("variance", (3,), "float32"),))}
    with pytest.raises(RunError, match="does not fit group 'norm_stats' of the model; go on with the tasks"):
        read_private(snapshots, 3, other, "r1")


def test_a_residual_of_another_layout_is_refused(tmp_path):
    snapshots, kept = Snapshots(tmp_path), PrivateState({}, {}, {"head/depth": np.zeros(1, np.float32)})
    write_private(snapshots, 1, "r1", LAYOUTS, kept)
    other = {"head/depth": Layout((Entry("weight", (1,), "float32"),))}
    with pytest.raises(RunError, match="does not fit group 'head/depth'"):
        read_private(snapshots, 1, other, "r1")


def test_another_runs_state_is_refused(snapshots):
    with pytest.raises(RunError, match="belongs to run 'r1', not to 'r2'"):
        read_private(snapshots, 3, LAYOUTS, "r2")
