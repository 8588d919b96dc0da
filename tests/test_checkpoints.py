import numpy as np
import pytest

from fedmtl.checkpoints import (
    Progress,
    ServerState,
    from_tensors,
    load_checkpoint,
    restore_state,
    save_checkpoint,
    to_tensors,
)
from fedmtl.errors import RunError
from fedmtl.exchange.layout import Entry, Layout
from fedmtl.snapshots import Snapshots
from fedmtl.tasks import TaskSpec

LAYOUTS = {
    "backbone": Layout((Entry("conv.weight", (2, 3), "float32"), Entry("conv.bias", (2,), "float32"))),
    "norm_stats": Layout((Entry("bn.mean", (2,), "float32"), Entry("bn.batches", (), "int64"))),
}
TASKS = (TaskSpec("depth", "depth"), TaskSpec("semseg", "semseg", ("floor", "wall")))


@pytest.fixture
def snapshots(tmp_path):
    return Snapshots(tmp_path / "checkpoints")


def state(number=4):
    rng = np.random.default_rng(number)
    groups = {name: rng.standard_normal(layout.size).astype(np.float32) for name, layout in LAYOUTS.items()}
    groups["norm_stats"][2] = 17
    return ServerState(
        round=number,
        groups=groups,
        method={"momentum:backbone": rng.standard_normal(8).astype(np.float32), "steps": np.float32([3])},
        clients={"a": Progress(("depth",), 3, accepted=4, durable=2), "süd": Progress(("semseg",), 6)},
    )


def bits(vectors):
    return {name: (vector.dtype, vector.tobytes()) for name, vector in vectors.items()}


def test_what_was_saved_is_restored_bit_for_bit(snapshots):
    saved = state()
    size = save_checkpoint(snapshots, saved, LAYOUTS, TASKS, keep=2)
    assert size == snapshots.path(4).stat().st_size
    header, tensors = load_checkpoint(snapshots)
    restored = restore_state(header, tensors, LAYOUTS)
    assert header.tasks == TASKS
    assert restored.round == 4
    assert bits(restored.groups) == bits(saved.groups)
    assert bits(restored.method) == bits(saved.method)
    assert restored.clients == saved.clients


def test_saving_makes_every_accepted_round_durable(snapshots):
    saved = state()
    save_checkpoint(snapshots, saved, LAYOUTS, TASKS, keep=2)
    assert {name: progress.durable for name, progress in saved.clients.items()} == {"a": 4, "süd": 0}


def test_a_checkpoint_that_fails_makes_nothing_durable(snapshots, monkeypatch):
    saved = state()
    snapshots.folder.parent.joinpath("checkpoints").touch()
    with pytest.raises(RunError):
        save_checkpoint(snapshots, saved, LAYOUTS, TASKS, keep=2)
    assert saved.clients == state().clients


def test_the_newest_are_kept_and_the_newest_is_loaded(snapshots):
    for number in (1, 2, 10, 11):
        save_checkpoint(snapshots, state(number), LAYOUTS, TASKS, keep=2)
    assert snapshots.rounds() == [10, 11]
    header, _ = load_checkpoint(snapshots)
    assert header.round == 11


def test_every_tensor_is_there_under_its_own_name(snapshots):
    saved = state()
    save_checkpoint(snapshots, saved, LAYOUTS, TASKS, keep=1)
    tensors, _ = snapshots.read(4)
    assert tensors["backbone:conv.weight"].shape == (2, 3)
    assert tensors["norm_stats:bn.batches"] == np.int64(17)
    np.testing.assert_array_equal(tensors["backbone:conv.bias"], saved.groups["backbone"][6:])


def test_no_checkpoint_is_told(snapshots):
    with pytest.raises(RunError, match="holds no checkpoint yet"):
        load_checkpoint(snapshots)


def test_another_programs_file_is_told(snapshots):
    snapshots.write(3, {"x": np.zeros(1)}, {"run": "x"})
    with pytest.raises(RunError, match=r"round-000003.* is not a checkpoint of a run"):
        load_checkpoint(snapshots)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"backbone:conv.bias": None}, "group 'backbone' of the model: .*conv.bias"),
        ({"backbone:conv.bias": np.zeros(3, np.float32)}, r"conv.bias has shape \(3,\), not \(2,\)"),
    ],
)
def test_a_snapshot_of_another_model_is_told(change, message):
    tensors = {**to_tensors(state().groups, LAYOUTS), **change}
    tensors = {name: tensor for name, tensor in tensors.items() if tensor is not None}
    with pytest.raises(RunError, match=message):
        from_tensors(tensors, LAYOUTS)


def test_only_the_groups_asked_for_are_read():
    tensors = to_tensors(state().groups, LAYOUTS)
    assert set(from_tensors(tensors, {"norm_stats": LAYOUTS["norm_stats"]})) == {"norm_stats"}
