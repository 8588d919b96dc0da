import os
import time

import pytest
from msgspec.structs import replace

from fedmtl.deployment.doctor.runs import check_runs
from fedmtl.deployment.run_state import change_run_state, queue_run
from fedmtl.deployment.server_folder import ServerFolder
from tests.federations import create


@pytest.fixture
def folder(tmp_path):
    return ServerFolder(tmp_path)


def make_run(folder, silent=0.0, **changes):
    directory = create(folder.runs / "tiny", "federation.round_timeout=60")
    queue_run(directory.path)
    change_run_state(directory.path, lambda state: replace(state, **changes))
    directory.metrics.write_text("")
    os.utime(directory.metrics, (time.time() - silent,) * 2)


def look(folder, alive=True):
    (found,) = check_runs(folder, alive=alive)
    return found


def test_no_runs_are_well(folder):
    assert look(folder).status == "ok"


def test_a_run_that_gets_on(folder):
    make_run(folder, state="running", flower_run=1)
    assert (look(folder).status, look(folder).found) == ("ok", "tiny is running")


def test_a_finished_run_is_not_spoken_of(folder):
    make_run(folder, state="finished")
    assert look(folder).found == "none waits, and none has failed"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"state": "failed", "error": "no model"}, "tiny has failed: no model"),
        ({"state": "queued", "error": "too few sites"}, "tiny is queued: too few sites"),
        (
            {"state": "running", "silent": 180.0},
            "tiny has logged nothing for 3 minutes, and a round may take 1",
        ),
    ],
)
def test_a_run_that_does_not_get_on_is_a_warning(folder, changes, says):
    make_run(folder, **changes)
    assert (look(folder).status, look(folder).found) == ("warn", says)


def test_a_run_waits_for_a_server_that_is_down(folder):
    make_run(folder, state="running")
    assert look(folder, alive=False).found == "tiny is running, and the server is down"
