"""A disk that is full in the middle of a run: a clear error, the last checkpoint whole, and the run goes on later."""

import resource

import pytest

from fedmtl.errors import RunError
from simulations.inprocess import run_inprocess
from tests.federations import create, events_of, models_of


def test_the_last_checkpoint_stays_whole_and_the_run_goes_on_when_there_is_room(tmp_path, straight):
    """As far as a limit on a file's size is like a full disk: the write that does not fit fails."""
    directory = create(tmp_path / "run")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(event):
        if (event["event"], event["round"]) == ("checkpoint", 1):
            size = directory.checkpoints.path(1).stat().st_size
            resource.setrlimit(resource.RLIMIT_FSIZE, (size - 1, before[1]))

    try:
        with pytest.raises(RunError, match=r"round-000002\.safetensors cannot be written"):
            run_inprocess(directory, [fill])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert directory.checkpoints.rounds() == [1]
    assert sorted(path.suffix for path in directory.checkpoints.folder.glob("round-*")) == [".safetensors"]
    (finish,) = events_of(directory, "finish")
    assert (finish["status"], finish["kind"]) == ("failed", "RunError")
    assert "round-000002.safetensors cannot be written" in finish["error"]
    run_inprocess(directory)
    assert models_of(directory) == models_of(straight)
