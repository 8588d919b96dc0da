"""What a run of a deployment does, in words."""

import pytest
from msgspec.structs import replace

from fedmtl.deployment.asking import ask_for_run
from fedmtl.deployment.run_state import change_run_state, read_run_state
from fedmtl.deployment.server_folder import ServerFolder
from fedmtl.deployment.server_status import ServerStatus
from fedmtl.deployment.standing import standing_of
from tests.deployment.kits import make_kit
from tests.federations import tiny

BOTH = {"north": "online", "south": "online"}
NONE = {"north": "offline", "south": "registered"}


@pytest.fixture
def folder(tmp_path):
    return ServerFolder(make_kit(tmp_path, dev_keys=True)[0].server.path)


@pytest.fixture
def run(folder):
    return ask_for_run(folder, tiny())


def stand(folder, run, sites=BOTH, **fields):
    """In one line, with a server that knows `sites`; None where none lives."""
    change_run_state(run.path, lambda known: replace(known, **fields))
    status = None if sites is None else ServerStatus(1, "now", sites=sites)
    return str(standing_of(folder, run, read_run_state(run.path), status))


def test_a_run_that_nothing_is_before_is_queued(folder, run):
    assert stand(folder, run) == "queued"
    assert stand(folder, run, None) == "queued"
    assert stand(folder, run, {}) == "queued until SuperLink is up"


def test_a_run_is_queued_behind_the_first_that_is_not_over(folder, run):
    second = ask_for_run(folder, tiny())
    stand(folder, run, state="running")
    assert stand(folder, second) == "queued behind tiny (the same scenario), which is running"
    assert stand(folder, second, NONE) == "queued behind tiny (the same scenario), which waits for sites"
    third = ask_for_run(folder, tiny("name=other"))
    assert stand(folder, third) == "queued behind tiny, which is running, and 1 more"
    stand(folder, run, state="finished")
    assert stand(folder, third) == "queued behind tiny-2, which is queued"


def test_another_runs_damaged_config_does_not_matter(folder, run):
    second = ask_for_run(folder, tiny())
    (run.path / "config.yaml").write_text("rounds: [")
    stand(folder, second, state="queued")
    assert stand(folder, second).startswith("queued behind tiny")


@pytest.mark.parametrize(
    ("sites", "words"),
    [
        (NONE, "none is connected, and it needs 2"),
        ({**NONE, "north": "online"}, "1 of the 2 that it needs is connected, and not south"),
    ],
)
def test_a_run_with_too_few_sites_waits_for_them_and_nobody_has_to_resume_it(sites, words, folder, run):
    standing = stand(folder, run, sites, state="running", error="no client finished round 1")
    assert standing == f"waits for sites: {words}; it goes on by itself"


def test_a_running_run_says_why_it_does_not_go_on(folder, run):
    assert stand(folder, run, state="running") == "running"
    assert stand(folder, run, error="it died") == "running: it died; it is tried again by itself"
    assert stand(folder, run, {}) == "running: it died; it is tried again by itself"
    assert stand(folder, run, None).startswith("waits for the server: it goes on by itself")
    assert stand(folder, run, state="failed", error="b lies") == "failed: b lies"
