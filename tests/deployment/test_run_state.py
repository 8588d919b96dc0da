"""deployment.json: whole at any time, and never changed by two at once."""

from threading import Thread

import pytest
from msgspec.structs import replace

from fedmtl.deployment.run_state import change_run_state, deployed_runs, queue_run, read_run_state
from fedmtl.errors import RunError


def run_in(folder, name):
    path = folder / name
    path.mkdir()
    queue_run(path)
    return path


def test_runs_are_in_the_order_in_which_they_were_asked_for(tmp_path):
    later, earlier = run_in(tmp_path, "a"), run_in(tmp_path, "b")
    for path, when in ((later, "2030-01-02"), (earlier, "2030-01-01")):
        change_run_state(path, lambda state, when=when: replace(state, queued=when))
    assert deployed_runs(tmp_path) == [earlier, later]
    assert deployed_runs(tmp_path / "nothing") == []


def test_a_damaged_one_is_told_and_keeps_no_other_from_being_found(tmp_path, caplog):
    good, bad = run_in(tmp_path, "good"), run_in(tmp_path, "bad")
    (bad / "deployment.json").write_text('{"state": "asleep", "queued": ""}')
    assert deployed_runs(tmp_path) == [good]
    assert "bad/deployment.json is damaged" in caplog.text
    with pytest.raises(RunError, match="restore it from a copy"):
        read_run_state(bad)


def test_a_folder_that_is_no_run_is_told(tmp_path):
    with pytest.raises(RunError, match="is no run of a deployment"):
        change_run_state(tmp_path, lambda state: state)


def test_changes_at_the_same_time_are_all_made(tmp_path):
    """Without the lock, some would be made to what another has replaced meanwhile."""
    path = run_in(tmp_path, "run")

    def count():
        for _ in range(20):
            change_run_state(path, lambda state: replace(state, submissions=state.submissions + 1))

    threads = [Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read_run_state(path).submissions == 80
