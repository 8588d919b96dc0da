"""Private state: kept by round, gone back to, and never replaced in silence."""

import numpy as np
import pytest

from clients.state import load_state, save_state
from fedmtl.errors import RunError
from fedmtl.exchange.layout import Entry, Layout
from fedmtl.exchange.messages import Federation, Instruction
from fedmtl.private_state import PrivateState
from fedmtl.snapshots import Snapshots

LAYOUTS = {"norm_stats": Layout((Entry("mean", (2,), "float32"), Entry("seen", (), "int64")))}
INITIAL = PrivateState({"norm_stats": np.zeros(3, np.float32)})


def instruction(round_number, accepted=0, durable=0, run="r1"):
    return Instruction(Federation(run, (), "", ()), round_number, accepted, durable, {}, ())


def state(value):
    groups = {"norm_stats": np.array([value, -value, round(value)], np.float32)}
    return PrivateState(groups, {"head.weight/exp_avg": np.full((2, 2), value, np.float32)})


@pytest.fixture
def snapshots(tmp_path):
    return Snapshots(tmp_path / "b")


def same(one, other):
    for mine, theirs in ((one.groups, other.groups), (one.optimizer, other.optimizer)):
        assert set(mine) == set(theirs)
        for name in mine:
            np.testing.assert_array_equal(mine[name], theirs[name], strict=True)


def test_before_the_first_accepted_round_it_is_the_initial_state_whatever_is_on_disk(snapshots):
    save_state(snapshots, instruction(1), LAYOUTS, state(1.5))
    assert load_state(snapshots, instruction(2), LAYOUTS, {}, INITIAL) is INITIAL


def test_what_was_saved_comes_back(snapshots):
    save_state(snapshots, instruction(1), LAYOUTS, state(1.5))
    same(load_state(snapshots, instruction(2, accepted=1), LAYOUTS, {}, INITIAL), state(1.5))


def test_it_goes_back_to_the_accepted_round(snapshots):
    save_state(snapshots, instruction(1), LAYOUTS, state(1.0))
    save_state(snapshots, instruction(2, accepted=1), LAYOUTS, state(2.0))  # whose reply was lost
    same(load_state(snapshots, instruction(3, accepted=1), LAYOUTS, {}, INITIAL), state(1.0))


@pytest.mark.parametrize(
    ("steps", "kept"),
    [
        ([(1, 0, 0), (2, 1, 1), (3, 2, 2)], [2, 3]),
        ([(1, 0, 0), (2, 1, 0), (3, 2, 0)], [2, 3]),
        ([(1, 0, 0), (2, 1, 0), (3, 2, 2), (4, 3, 2), (5, 4, 2)], [2, 4, 5]),
        ([(1, 0, 0), (2, 1, 1), (3, 1, 1), (4, 1, 1)], [1, 4]),
    ],
    ids=["a checkpoint a round", "none yet", "every other round", "a client that is never heard"],
)
def test_no_more_is_kept_than_the_server_may_go_back_to(steps, kept, snapshots):
    for step in steps:
        save_state(snapshots, instruction(*step), LAYOUTS, state(step[0]))
    assert snapshots.rounds() == kept


def test_lost_state_is_an_error(snapshots):
    save_state(snapshots, instruction(2, accepted=0), LAYOUTS, state(2.0))
    with pytest.raises(RunError, match=r"round-000001\.safetensors is missing \(rounds kept there: 2\)"):
        load_state(snapshots, instruction(3, accepted=1), LAYOUTS, {}, INITIAL)


@pytest.mark.parametrize("keep", [0, 7, 100, -1])
def test_damaged_state_is_an_error(keep, snapshots):
    save_state(snapshots, instruction(1), LAYOUTS, state(1.0))
    path = snapshots.path(1)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(RunError, match=r"round-000001\.safetensors is damaged"):
        load_state(snapshots, instruction(2, accepted=1), LAYOUTS, {}, INITIAL)


def test_another_runs_state_is_an_error(snapshots):
    save_state(snapshots, instruction(1, run="r0"), LAYOUTS, state(1.0))
    with pytest.raises(RunError, match="belongs to run 'r0', not to 'r1'"):
        load_state(snapshots, instruction(2, accepted=1), LAYOUTS, {}, INITIAL)


def test_state_of_another_model_is_an_error(snapshots):
    save_state(snapshots, instruction(1), LAYOUTS, state(1.0))
    wider = {"norm_stats": Layout((Entry("mean", (3,), "float32"),))}
    with pytest.raises(RunError, match="does not fit group 'norm_stats'"):
        load_state(snapshots, instruction(2, accepted=1), wider, {}, INITIAL)


def test_a_private_group_that_is_not_there_is_an_error(snapshots):
    save_state(snapshots, instruction(1), LAYOUTS, state(1.0))
    more = {**LAYOUTS, "head/depth": Layout((Entry("bias", (1,), "float32"),))}
    with pytest.raises(RunError, match="has no group 'head/depth', which the client keeps; go on with"):
        load_state(snapshots, instruction(2, accepted=1), more, {}, INITIAL)
