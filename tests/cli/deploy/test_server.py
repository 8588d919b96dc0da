"""fedmtl deploy run, resume, stop and status, where no server runs."""

import json
import socket
from threading import Thread

import pytest
from msgspec.structs import replace

from fedmtl.cli import main
from fedmtl.deployment.doctor import ports
from fedmtl.deployment.readiness import HOST
from fedmtl.deployment.run_state import change_run_state, read_run_state
from fedmtl.deployment.server_folder import ServerFolder
from fedmtl.deployment.server_status import ProcessStatus, ServerStatus, lock_of, write_status
from fedmtl.locking import hold
from fedmtl.reporting.events import MetricsLog, read_events
from fedmtl.run_directory import RunDirectory
from tests.deployment.kits import FEDERATION, make_kit
from tests.federations import TINY
from tests.waiting import until


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY)
    return ServerFolder(make_kit(tmp_path, dev_keys=True)[0].server.path)


@pytest.fixture
def deploy(folder, capsys):
    def call(*words):
        """(exit code, output, errors) of `fedmtl deploy …`"""
        with pytest.raises(SystemExit) as exit_:
            main(["deploy", *words, "--server", str(folder.path)])
        said = capsys.readouterr()
        return exit_.value.code or 0, " ".join(said.out.split()), " ".join(said.err.split())

    return call


@pytest.fixture
def scenario(folder):
    return str(folder.path.parent.parent / "tiny.yaml")


def end(folder, state, events=(), error=""):
    """What a server does about the run `tiny`, at once."""
    run = folder.runs / "tiny"
    until(lambda: (run / "deployment.json").exists() and read_run_state(run).state == "queued")
    with MetricsLog(run / "metrics.jsonl") as log:
        for event in events:
            log.append(event)
    change_run_state(run, lambda known: replace(known, state=state, error=error))


def test_a_run_is_put_in_the_queue_and_one_is_told_that_the_server_is_down(deploy, folder, scenario):
    code, out, errors = deploy("run", scenario, "rounds=2", "--no-follow")
    assert code == 0
    assert str(folder.runs / "tiny") in out.replace(" ", "")
    assert "the server is not running; it begins tiny once 'fedmtl deploy server" in errors
    assert RunDirectory.open(folder.runs / "tiny").scenario.rounds == 2


def test_a_run_is_followed_to_its_end(deploy, folder, scenario, straight):
    done = Thread(target=end, args=(folder, "finished", read_events(straight.metrics)))
    done.start()
    code, out, errors = deploy("run", scenario)
    done.join()
    assert code == 0
    assert "round 3/3" in errors
    assert "Ctrl-C only leaves it" in errors
    assert "all, pooled" in out
    assert (folder.runs / "tiny" / "report.html").exists()
    assert any((folder.runs / "tiny" / "tensorboard").iterdir())


def test_a_run_that_fails_is_an_error_with_its_reason(deploy, folder, scenario):
    done = Thread(target=end, args=(folder, "failed", (), "b lies"))
    done.start()
    code, _, errors = deploy("run", scenario)
    done.join()
    assert code == 1
    assert errors.endswith("fedmtl: run tiny is failed: b lies")
    assert deploy("status")[0] == 1
    assert deploy("resume", "tiny", "--no-follow")[0] == 0
    assert read_run_state(folder.runs / "tiny").state == "queued"


def test_that_a_submission_waits_for_sites_is_no_end_of_the_run(deploy, folder, scenario):
    """Its log says `failed` of each submission; the run is neither, and goes on."""
    waited = {"event": "finish", "round": 0, "seconds": 1.0, "status": "failed", "error": "0 of 2 joined"}
    done = Thread(target=end, args=(folder, "stopped", [waited]))
    done.start()
    _, _, errors = deploy("run", scenario)
    done.join()
    assert errors.endswith("fedmtl: run tiny is stopped")
    assert "failed after" not in errors


@pytest.mark.parametrize("words", [["run", "rooms"], ["resume", "tiny"], ["stop", "tiny"], ["status"]])
def test_a_folder_that_is_no_servers_is_named(words, fedmtl, tmp_path):
    ended = fedmtl("deploy", *words)
    assert (ended.code, ended.out) == (1, "")
    assert f"{tmp_path} is no server's folder of a kit" in " ".join(ended.err.split())
    assert not list(tmp_path.iterdir())


def test_ctrl_c_leaves_the_run_running(deploy, scenario, folder, monkeypatch):
    def interrupted(folder, directory):
        raise KeyboardInterrupt

    monkeypatch.setattr("fedmtl.deployment.asking.follow_run", interrupted)
    code, _, errors = deploy("run", scenario)
    assert code == 130
    assert f"run {folder.runs / 'tiny'}: queued; Ctrl-C only leaves it: 'fedmtl deploy status tiny" in errors
    assert f"'fedmtl deploy stop tiny --server {folder.path}' ends it" in errors
    assert "tiny goes on; 'fedmtl deploy status tiny --server" in errors
    assert read_run_state(folder.runs / "tiny").state == "queued"


def test_stop_and_what_cannot_be_stopped(deploy, scenario):
    assert deploy("run", scenario, "--no-follow")[0] == 0
    assert deploy("stop", "tiny")[:2] == (0, "run tiny is stopped")
    assert deploy("stop", "tiny")[0] == 1
    assert "did you mean 'tiny'?" in deploy("stop", "tinny")[2]


def test_status_of_a_server_that_is_down(deploy, scenario):
    deploy("run", scenario, "--no-follow")
    code, out, _ = deploy("status")
    assert code == 1
    assert "server: down" in out
    assert "north: unknown while the server is down" in out
    assert "tiny: queued, round 0 of 3" in out


def test_status_of_a_server_that_is_up(deploy, folder, scenario):
    deploy("run", scenario, "--no-follow")
    failure = {"event": "failure", "round": 1, "client": "a", "phase": "train"}
    slow = "a did not answer within 30 s"
    end(folder, "running", [{**failure, "error": slow}], error="0 of 2 clients joined")
    folder.state.mkdir(exist_ok=True)
    processes = (ProcessStatus("superlink", 5, True, 1, ""), ProcessStatus("gateway", None, False, 0, "gone"))
    with hold(lock_of(folder), ""):
        write_status(folder, ServerStatus(4, "now", processes, {"north": "online", "south": "offline"}))
        code, out, _ = deploy("status", "tiny")
        assert code == 0
        for said in (
            "server: up (process 4)",
            "superlink: ready (process 5), started again 1 times",
            "gateway: gone",
            "north: online",
            "tiny: waits for sites, round 0 of 3",
            "1 of the 2 that it needs is connected, and not south; it goes on by itself",
            f"round 1, train: {slow}",
        ):
            assert said in out
        told = json.loads(deploy("status", "--json")[1])
    assert told["server"]["processes"][0]["name"] == "superlink"
    assert told["sites"] == {"north": "online", "south": "offline"}
    (run,) = told["runs"]
    assert (run["name"], run["state"], run["failures"][0]["error"]) == ("tiny", "running", slow)
    assert (run["doing"], run["error"]) == ("waits for sites", "0 of 2 clients joined")


def test_status_of_a_server_that_knows_no_site_yet(deploy, folder):
    folder.state.mkdir(exist_ok=True)
    with hold(lock_of(folder), ""):
        write_status(folder, ServerStatus(4, "now"))
        assert "north: unknown until SuperLink is up" in deploy("status")[1]


def test_status_tells_what_the_server_would_not_start_for(deploy, folder):
    path = folder.path / "federation.yaml"
    path.write_text(FEDERATION.replace("{host: fl.example.org}", "{host: fl.example.org, prt: 1}"))
    assert "unknown key 'server.prt'; did you mean 'port'?" in deploy("status")[1]


def test_a_second_run_of_a_scenario_is_told_apart_and_what_it_waits_for(deploy, folder, scenario, straight):
    deploy("run", scenario, "--no-follow")
    begun = read_events(straight.metrics)[:1]
    change_run_state(folder.runs / "tiny", lambda known: replace(known, state="running"))

    def begin_and_stop():
        run = folder.runs / "tiny-2"
        until((run / "deployment.json").exists)
        with MetricsLog(run / "metrics.jsonl") as log:
            for event in begun:
                log.append(event)
        change_run_state(run, lambda known: replace(known, state="stopped"))

    done = Thread(target=begin_and_stop)
    done.start()
    _, _, errors = deploy("run", scenario)
    done.join()
    assert "tiny-2: fedavg with" in errors


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_private_key_that_others_can_read_keeps_the_server_from_starting(mode, folder, capsys):
    folder.private_key.chmod(mode)
    with pytest.raises(SystemExit) as exit_:
        main(["deploy", "server", str(folder.path)])
    assert exit_.value.code == 1
    assert f"run chmod 600 {folder.private_key}" in " ".join(capsys.readouterr().err.split())


def test_a_server_does_not_start_where_a_foreign_process_has_its_public_port(fedmtl, tmp_path, monkeypatch):
    """Whoever only looks whether somebody listens there would call the gateway ready."""
    monkeypatch.setattr(ports, "PATIENCE", 0.0)
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        address = f"{{host: fl.example.org, bind: {HOST}, port: {other.getsockname()[1]}}}"
        kit, _ = make_kit(tmp_path, FEDERATION.replace("{host: fl.example.org}", address))
        ended = fedmtl("deploy", "server", kit.server.path)
    assert ended.code == 1
    assert "another program has it; end it, or set another port" in ended.err
    assert not (kit.server.state / "superlink.db").exists()
