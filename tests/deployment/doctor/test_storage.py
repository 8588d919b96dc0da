from collections import namedtuple
from pathlib import Path

import pytest

from fedmtl.deployment.doctor.storage import GIGABYTE, check_disk, check_state


def test_a_state_folder_that_can_be_written(tmp_path):
    state = tmp_path / "state"
    (found,) = check_state(state)
    assert (found.status, found.found) == ("ok", f"{state} will be made")
    state.mkdir(mode=0o700)
    (found,) = check_state(state)
    assert (found.status, found.found) == ("ok", f"{state} can be written")
    assert not list(state.iterdir())


def test_one_that_others_can_open_is_a_warning(tmp_path):
    tmp_path.chmod(0o755)
    (found,) = check_state(tmp_path)
    assert (found.status, found.advice) == ("warn", f"run chmod 700 {tmp_path}")


def test_one_that_cannot_be_written_is_a_failure():
    (found,) = check_state(Path("/proc/fedmtl"))  # not even by root
    assert (found.status, "/proc cannot be written" in found.found) == ("fail", True)


@pytest.mark.parametrize(("free", "status"), [(0.9, "fail"), (1.5, "warn"), (2.5, "ok")])
def test_room_is_needed_and_as_much_again_to_be_at_ease(monkeypatch, tmp_path, free, status):
    usage = namedtuple("usage", "free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(free * GIGABYTE))
    (found,) = check_disk(tmp_path / "not" / "there", GIGABYTE, "checkpoints")
    assert found.status == status
    assert "1.0 GB are needed for checkpoints" in found.found
