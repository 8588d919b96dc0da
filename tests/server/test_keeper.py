"""The keeper, a look at a time, with a SuperLink that does what the test says."""

import pytest
from msgspec.structs import replace

from fedmtl.deployment.asking import ask_for_run, ask_to_stop
from fedmtl.deployment.run_state import change_run_state, read_run_state
from fedmtl.deployment.server_folder import ServerFolder
from fedmtl.errors import RunError
from fedmtl.reporting.events import MetricsLog
from server import keeper as keeping
from server.control import FlowerRun
from server.keeper import MOST_SETBACKS, Keeper
from tests.deployment.kits import make_kit
from tests.federations import events_of, tiny


class SuperLink:
    """SuperLink's control API, without a SuperLink."""

    def __init__(self):
        self.runs, self.settings = {}, []

    def nodes(self):
        return []

    def register(self, name, public_key):
        """Anybody."""

    def start(self, settings):
        self.settings.append(settings)
        number = len(self.settings)
        self.runs[number] = FlowerRun(False, False, "")
        return number

    def run(self, number):
        if number not in self.runs:
            raise RunError("there is no such run")
        return self.runs[number]

    def stop(self, number):
        if not self.run(number).finished:
            self.end(number, "stopped")

    def end(self, number, details="", completed=False):
        self.runs[number] = FlowerRun(True, completed, details)


class Deployment:
    def __init__(self, folder):
        self.folder, self.superlink, self.generation = folder, SuperLink(), 0
        self.restart()

    def restart(self):
        self.keeper = Keeper(self.folder, self.superlink, lambda: self.generation)

    def look(self, times=1):
        for _ in range(times):
            self.keeper.look()

    def state(self, name="tiny"):
        return read_run_state(self.folder.runs / name)


@pytest.fixture
def deployment(tmp_path, monkeypatch):
    monkeypatch.setattr(keeping, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(keeping, "WAITING_PAUSE", 0.0)
    monkeypatch.setattr(keeping, "ASK_SECONDS", 0.0)
    return Deployment(ServerFolder(make_kit(tmp_path, dev_keys=True)[0].server.path))


def finish(directory, **fields):
    with MetricsLog(directory.metrics) as log:
        log.append({"event": "finish", "round": 1, "seconds": 1.0, **fields})


def test_a_run_that_was_asked_for_is_submitted_and_ends_as_it_does(deployment):
    directory = ask_for_run(deployment.folder, tiny())
    deployment.look(3)
    (settings,) = deployment.superlink.settings
    assert settings == {
        "run-dir": str(directory.path),
        "engine": "deployment",
        "roster": str(deployment.folder.sites),
    }
    assert (deployment.state().state, deployment.state().flower_run) == ("running", 1)
    finish(directory, status="finished")
    deployment.superlink.end(1, completed=True)
    deployment.look(2)
    assert (deployment.state().state, deployment.state().flower_run) == ("finished", None)
    assert len(deployment.superlink.settings) == 1


def test_one_run_at_a_time_in_the_order_of_asking(deployment):
    for name in ("z", "a"):
        ask_for_run(deployment.folder, tiny(), name)
    deployment.look(3)
    assert [deployment.state(name).state for name in ("z", "a")] == ["running", "queued"]
    deployment.superlink.end(1, completed=True)
    deployment.look(2)
    assert [deployment.state(name).state for name in ("z", "a")] == ["finished", "running"]


@pytest.mark.parametrize("what", ["SuperLink", "server", "ServerApp"])
def test_what_is_lost_is_submitted_again_and_told_in_the_runs_log(what, deployment):
    directory = ask_for_run(deployment.folder, tiny())
    deployment.look()
    match what:
        case "SuperLink":
            deployment.superlink.runs.clear()
            deployment.generation += 1
        case "server":
            deployment.restart()
        case "ServerApp":
            deployment.superlink.end(1, "No heartbeat received from the task")
    deployment.look(2)
    state = deployment.state()
    assert (state.state, state.flower_run, state.submissions, state.setbacks) == ("running", 2, 2, 1)
    (failure,) = events_of(directory, "failure")
    assert (failure["client"], failure["phase"]) == ("server", "continue")
    assert failure["error"] == state.error


def test_an_earlier_submission_that_goes_on_is_stopped_first(deployment):
    ask_for_run(deployment.folder, tiny())
    deployment.look()
    deployment.restart()
    deployment.look(2)
    assert deployment.superlink.runs[1].finished
    assert not deployment.superlink.runs[2].finished


def test_nothing_is_submitted_while_the_last_submissions_process_works(deployment):
    directory = ask_for_run(deployment.folder, tiny())
    with directory.lock():
        deployment.look(3)
        assert not deployment.superlink.settings
    deployment.look()
    assert len(deployment.superlink.settings) == 1


def test_a_run_that_is_lost_again_and_again_has_failed(deployment):
    directory = ask_for_run(deployment.folder, tiny())
    for number in range(1, MOST_SETBACKS + 2):
        deployment.look()
        deployment.superlink.end(number, "it died")
        deployment.look()
    state = deployment.state()
    assert state.state == "failed"
    assert state.error == f"given up after {MOST_SETBACKS + 1} setbacks in a row, the last one: it died"
    assert len(events_of(directory, "failure")) == MOST_SETBACKS + 1


def test_a_checkpoint_in_between_forgives_all_setbacks(deployment):
    directory = ask_for_run(deployment.folder, tiny())
    deployment.look()
    change_run_state(directory.path, lambda state: replace(state, setbacks=MOST_SETBACKS))
    directory.checkpoints.write(1, {}, {})
    deployment.superlink.end(1, "it died")
    deployment.look()
    assert (deployment.state().state, deployment.state().setbacks) == ("running", 1)


def test_a_run_that_has_gone_on_is_not_in_trouble_any_more(deployment):
    directory = ask_for_run(deployment.folder, tiny())
    deployment.look()
    finish(directory, status="failed", error="0 of 2 clients joined", kind="TooFewClientsError")
    deployment.superlink.end(1, "ServerApp failed")
    deployment.look(3)
    assert (deployment.state().flower_run, deployment.state().error) == (2, "0 of 2 clients joined")
    directory.checkpoints.write(1, {}, {})
    deployment.look()
    assert (deployment.state().flower_run, deployment.state().error) == (2, "")


def test_superlink_is_asked_of_a_run_now_and_then_alone(deployment, monkeypatch):
    monkeypatch.setattr(keeping, "ASK_SECONDS", 3600.0)
    ask_for_run(deployment.folder, tiny())
    deployment.look(2)
    deployment.superlink.end(1, completed=True)
    deployment.look(3)
    assert deployment.state().state == "running"


def test_a_run_that_fails_by_its_own_error_has_failed(deployment):
    directory = ask_for_run(deployment.folder, tiny())
    deployment.look()
    finish(directory, status="failed", error="only 1 of 2 clients joined: b lies", kind="RunError")
    deployment.superlink.end(1, "ServerApp failed")
    deployment.look(3)
    assert (deployment.state().state, deployment.state().error) == (
        "failed",
        "only 1 of 2 clients joined: b lies",
    )
    assert len(deployment.superlink.settings) == 1


def test_a_run_waits_for_sites_for_ever_and_says_so(deployment):
    directory = ask_for_run(deployment.folder, tiny())
    rounds = 2 * MOST_SETBACKS
    for number in range(1, rounds + 1):
        deployment.look()
        finish(directory, status="failed", error="0 of 2 clients joined", kind="TooFewClientsError")
        deployment.superlink.end(number, "ServerApp failed")
        deployment.look()
    state = deployment.state()
    assert (state.state, state.setbacks, state.error) == ("running", 0, "0 of 2 clients joined")
    assert len(deployment.superlink.settings) == rounds


def test_the_pause_before_the_next_submission_is_kept(deployment, monkeypatch):
    monkeypatch.setattr(keeping, "FIRST_PAUSE", 3600.0)
    ask_for_run(deployment.folder, tiny())
    deployment.look()
    deployment.superlink.end(1, "it died")
    deployment.look(3)
    assert len(deployment.superlink.settings) == 1


def test_a_run_is_stopped_once_its_process_has_ended(deployment):
    directory = ask_for_run(deployment.folder, tiny())
    deployment.look()
    ask_to_stop(deployment.folder, "tiny")
    with directory.lock():
        deployment.look()
        assert deployment.state().state == "stopping"
    assert deployment.superlink.runs[1].finished
    deployment.look(2)
    assert deployment.state().state == "stopped"
    assert len(deployment.superlink.settings) == 1


def test_a_server_that_rests_leaves_its_runs_to_be_begun_again(deployment):
    directory = ask_for_run(deployment.folder, tiny())
    deployment.look()
    deployment.keeper.rest()
    assert (deployment.state().state, deployment.state().flower_run) == ("queued", None)
    deployment.restart()
    deployment.look()
    assert deployment.state().submissions == 2
    assert not directory.metrics.exists()


def test_while_the_processes_are_not_there_nothing_is_done(deployment):
    ask_for_run(deployment.folder, tiny())
    deployment.generation = None
    deployment.look(2)
    assert not deployment.superlink.settings
