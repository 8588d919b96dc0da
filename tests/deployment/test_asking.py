"""What people ask of a server's runs."""

from threading import Event, Thread

import pytest
from msgspec.structs import replace

from fedmtl.deployment.asking import ask_for_run, ask_to_resume, ask_to_stop, follow_run
from fedmtl.deployment.run_state import change_run_state, read_run_state
from fedmtl.deployment.server_folder import ServerFolder
from fedmtl.deployment.standing import Standing
from fedmtl.errors import ConfigError, RunError
from fedmtl.reporting.events import MetricsLog
from fedmtl.scenario import load_scenario
from fedmtl.shipped import find
from tests.deployment.kits import make_kit
from tests.federations import tiny

SUMS = "privacy={secure_sums: true, largest_weight: 16}"
NOISE = "privacy.client={noise: central, multiplier: 1, clip: 1}"
FAILURE = {"event": "failure", "round": 1, "client": "a", "phase": "train", "error": "a has no power"}


@pytest.fixture
def folder(tmp_path):
    return ServerFolder(make_kit(tmp_path, dev_keys=True)[0].server.path)


def set_to(directory, **fields):
    change_run_state(directory.path, lambda state: replace(state, **fields))


def test_a_run_is_put_in_the_queue_with_the_sites_in_the_scenarios_clients_place(folder):
    directory = ask_for_run(folder, tiny("rounds=7"))
    assert directory.path == folder.runs / "tiny"
    assert (directory.scenario.clients, directory.scenario.data.sources) == ({}, {})
    assert (directory.scenario.rounds, directory.scenario.federation.min_clients) == (7, 2)
    assert read_run_state(directory.path).state == "queued"
    assert ask_for_run(folder, tiny()).path == folder.runs / "tiny-2"
    assert ask_for_run(folder, tiny("federation.min_clients=1"), "one").scenario.federation.min_clients == 1
    with pytest.raises(RunError, match="already: go on with 'fedmtl deploy resume one --server"):
        ask_for_run(folder, tiny(), "one")


@pytest.mark.parametrize("name", ["runs/one", "../one", "/tmp/one", ".one"])
def test_a_runs_name_is_no_path_where_the_server_would_not_find_it(name, folder):
    with pytest.raises(ConfigError, match="--out: a run's name must be letters and digits"):
        ask_for_run(folder, tiny(), name)
    assert not list(folder.runs.iterdir())


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["federation.min_clients=3"], "is 3, but only 2 sites are registered"),
        (["method.name=fedavgg"], "fedavg"),
        (["exchange.up.name=int9"], "did you mean 'int8'"),
        ([SUMS, "method.name=fedamp"], "'fedamp' needs every client's own update"),
        ([SUMS, "exchange.up.name=int8"], "what 'int8' encodes cannot be added up"),
        ([NOISE, "method.name=median"], "'median' needs every client's own update"),
    ],
)
def test_what_cannot_work_is_refused_before_there_is_a_folder(overrides, words, folder):
    with pytest.raises(ConfigError, match=words):
        ask_for_run(folder, tiny(*overrides))
    assert not list(folder.runs.glob("*"))


def test_without_a_registered_site_there_is_no_run(tmp_path):
    with pytest.raises(ConfigError, match="no site is registered"):
        ask_for_run(ServerFolder(make_kit(tmp_path)[0].server.path), tiny())


def test_a_queued_run_stops_at_once_and_a_running_one_by_the_server(folder):
    directory = ask_for_run(folder, tiny())
    assert ask_to_stop(folder, "tiny").state == "stopped"
    with pytest.raises(RunError, match="'tiny' is stopped already"):
        ask_to_stop(folder, "tiny")
    set_to(directory, state="running")
    assert ask_to_stop(folder, "tiny").state == "stopping"


def test_only_what_is_over_and_not_finished_can_be_resumed(folder):
    directory = ask_for_run(folder, tiny())
    for state in ("queued", "running", "stopping", "finished"):
        set_to(directory, state=state)
        with pytest.raises(RunError, match=f"'tiny' is {state}: only one that"):
            ask_to_resume(folder, "tiny")
    set_to(directory, state="failed", error="no", setbacks=9)
    ask_to_resume(folder, "tiny")
    state = read_run_state(directory.path)
    assert (state.state, state.error, state.setbacks) == ("queued", "", 0)


def test_a_run_that_is_not_there_is_told_with_the_nearest_name(folder):
    ask_for_run(folder, tiny())
    with pytest.raises(RunError, match=r"there is no run 'tinny' in .*; did you mean 'tiny'"):
        ask_to_stop(folder, "tinny")


def test_following_tells_events_and_states_until_the_end_and_no_failure_twice(folder):
    directory = ask_for_run(folder, tiny())
    told, two = [], Event()

    def follow():
        for one in follow_run(folder, directory):
            told.append(one.doing if isinstance(one, Standing) else one["event"])
            if told.count("failure") == 1:
                two.set()

    thread = Thread(target=follow)
    thread.start()
    with MetricsLog(directory.metrics) as log:
        log.append(FAILURE)
        assert two.wait(20)
        log.truncate_after(0)
        log.append({"event": "resume", "round": 0})
    set_to(directory, state="finished")
    thread.join(20)
    assert not thread.is_alive()
    assert sorted(told) == ["failure", "queued", "resume"]


def test_a_runs_config_can_be_asked_for_again(folder):
    """As its report says."""
    first = ask_for_run(folder, tiny("rounds=7"))
    again = ask_for_run(folder, load_scenario(find(str(first.path / "config.yaml"))))
    assert again.path == folder.runs / "tiny-2"
    assert again.scenario == first.scenario
