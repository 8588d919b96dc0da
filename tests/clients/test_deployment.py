"""A site's two processes, for real: SuperLink with TLS and node keys, SuperNode, worker; and a hostile app."""

import json
import os
import socket
import stat
from contextlib import closing, suppress
from importlib.resources import files
from pathlib import Path

import httpx
import pytest

from clients.deployment import REST_SECONDS, prepared, programs, run_site
from clients.runtime import Runtime
from fedmtl.deployment.doctor import ports
from fedmtl.deployment.readiness import HOST, is_listening
from fedmtl.errors import ConfigError, DataError, RunError
from tests.clients.deployed import ROOMS, link, make_site, running
from tests.federations import create, events_of
from tests.waiting import until

APP = Path(str(files("fedmtl") / "app"))

HOSTILE = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "fedmtl-app"
version = "0.1.0"
description = "Looks like ours"
license = "Apache-2.0"
dependencies = []

[tool.flwr.app]
publisher = "fedmtl"

[tool.flwr.app.components]
serverapp = "hostile:server"
clientapp = "hostile:client"

[tool.flwr.app.config]
out = ""
"""
ATTACK = """
from pathlib import Path
from flwr.app import ConfigRecord, Message, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp

server, client = ServerApp(), ClientApp()

@server.main()
def main(grid, context):
    while not (nodes := list(grid.get_node_ids())):
        pass
    asks = [Message(RecordDict({"payload": ConfigRecord({"json": ""})}), node, "query.describe") for node in nodes]
    replies = list(grid.send_and_receive(asks, timeout=120))
    Path(context.run_config["out"]).write_text(repr([reply.error.reason for reply in replies]))

@client.query("describe")
def describe(message, context):
    Path("/proc/self/comm")
    raise SystemExit("the site ran the server's code")
"""


def write_hostile(folder):
    """An app with our name and version and other code."""
    folder.mkdir()
    (folder / "pyproject.toml").write_text(HOSTILE)
    (folder / "hostile.py").write_text(ATTACK)
    return folder


@pytest.mark.deployment
def test_a_hostile_app_is_refused_and_then_a_run_goes_well(tmp_path):
    site, out = make_site(tmp_path), tmp_path / "said"
    run = create(tmp_path / "run", "federation.min_clients=1", "rounds=1")
    with link(tmp_path / "server", site) as server, running(tmp_path / "watch", site) as connections:
        ended = server.submit(write_hostile(tmp_path / "hostile"), {"out": str(out)})
        assert ended.completed, ended.details
        assert out.read_text() == repr(["RefusalError, code refused-app (the site's own log says more)"])
        roster = str(server.folder / "sites.json")
        settings = {"run-dir": str(run.path), "engine": "deployment", "roster": roster}
        ended = server.submit(APP, settings)
        assert ended.completed, ended.details

        # Who does not know the secret gets no task.
        stranger = Runtime(f"{HOST}:{site.config.runtime_port}", b"guessed")
        with closing(stranger), pytest.raises(httpx.HTTPStatusError, match="401"):
            stranger.acquire()
    assert [event["client"] for event in events_of(run, "train")] == ["a"]
    ports = {server.port, site.config.runtime_port}
    assert set(connections.read_text().split("\n")) - {""} == {f"{HOST} {port}" for port in ports}
    log = (site.logs / "worker.log").read_text()
    assert "and is announced as" in log
    assert not [path for path in site.state.rglob("*") if "hostile" in path.name]
    lines = [json.loads(line) for line in site.sent.read_text().splitlines()]
    kinds = ["query.describe", "query.describe", "query.join", "train", "evaluate"]
    assert [line["kind"] for line in lines] == kinds
    assert [bool(line["error"]) for line in lines] == [True, False, False, False, False]
    trained = {part["name"] for part in lines[3]["parts"]}
    assert {"backbone", "head/depth", "payload.json", "payload.signature"} <= trained
    assert not any(part["name"] == "norm_stats" for line in lines for part in line["parts"])
    account = json.loads(site.ledger.read_text())
    assert (account["rounds"], account["answers"]) == (1, 5)
    assert account["sent"] == sum(line["bytes"] for line in lines)
    assert not is_listening(site.config.runtime_port)


@pytest.mark.deployment
def test_a_server_that_another_ca_knows_is_told_nothing(tmp_path):
    """The site is registered, and its SuperNode asks; but whoever answers is not its server, and it ends."""
    site = make_site(tmp_path)
    theirs = site.ca.read_bytes()
    with link(tmp_path / "server", site) as server, closing(server.control()) as control:
        known = site.ca.read_bytes()
        site.ca.write_bytes(theirs)
        with suppress(RunError), running(tmp_path / "wrong", site):  # it may end before it has begun
            until(lambda: "CERTIFICATE_VERIFY_FAILED" in (site.logs / "supernode.log").read_text(), 60)
        assert "CERTIFICATE_VERIFY_FAILED" in (site.logs / "supernode.log").read_text()
        assert [node.status for node in control.nodes()] == ["registered"]
        site.ca.write_bytes(known)
        with running(tmp_path / "right", site):
            until(lambda: [node.status for node in control.nodes()] == ["online"], 60)


def test_two_processes_never_share_a_sites_state(tmp_path):
    site = make_site(tmp_path)
    with prepared(site), pytest.raises(RunError, match="is in use by process"), prepared(site):
        pass


def test_a_site_does_not_start_where_a_foreign_process_has_its_runtime_port(tmp_path, monkeypatch):
    monkeypatch.setattr(ports, "PATIENCE", 0.0)
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        site = make_site(tmp_path, runtime_port=other.getsockname()[1])
        with pytest.raises(RunError, match="another program has it; end it, or set another runtime_port"):
            run_site(site)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"data": {"source": {"kind": "folder", "path": "/nowhere"}}}, "/nowhere"),
        ({"tasks": ["semsec"]}, "no task 'semsec'; did you mean 'semseg'"),
        ({"data": {"source": ROOMS | {"val": 0}}}, "no validation images"),
    ],
    ids=["no folder", "no such task", "nothing to validate on"],
)
def test_a_site_that_cannot_train_does_not_start(changes, said, tmp_path, monkeypatch):
    monkeypatch.setattr("clients.deployment.Supervisor", lambda programs: pytest.fail("it has started"))
    with pytest.raises((ConfigError, DataError), match=said):
        run_site(make_site(tmp_path, **changes))


def test_what_a_kill_left_of_the_ledger_is_gone_after_the_next_start(tmp_path):
    site = make_site(tmp_path)
    site.state.mkdir()
    left = site.state / ".ledger.json.0123abcd"
    left.write_bytes(b"{")
    with prepared(site):
        assert not left.exists()


def test_state_and_secret_are_nobody_elses_and_the_secret_is_new_each_time(tmp_path):
    site, secrets = make_site(tmp_path), set()
    for _ in range(2):
        with prepared(site):
            secrets.add(site.secret.read_bytes())
            assert stat.S_IMODE(site.state.stat().st_mode) == 0o700
            assert stat.S_IMODE(site.secret.stat().st_mode) == 0o600
    assert len(secrets) == 2


def test_what_is_missing_is_said_before_anything_starts(tmp_path):
    site = make_site(tmp_path)
    site.ca.unlink()
    with pytest.raises(ConfigError, match=r"ca\.crt cannot be read"), prepared(site):
        pass
    site.ca.write_text("")
    with pytest.raises(ConfigError, match=r"ca\.crt holds no certificate"), prepared(site):
        pass
    site.keys.node_key.unlink()
    with pytest.raises(ConfigError, match=r"node\.key"), prepared(site):
        pass


def test_a_log_of_what_was_sent_that_was_tampered_with_stops_the_site(tmp_path):
    site = make_site(tmp_path)
    site.state.mkdir()
    site.ledger.write_text('{"answers": 1, "head": "x", "sent": 0, "rounds": 0, "seconds": 0}')
    with pytest.raises(RunError, match="lines were changed or taken out"), prepared(site):
        pass


def test_the_proxy_is_for_the_supernode_alone_and_nothing_phones_home(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "intern.example.org")
    monkeypatch.setenv("HTTPS_PROXY", "http://other:1")
    supernode, worker = programs(make_site(tmp_path, proxy="http://proxy.example.org:3128"))
    assert supernode.environment["HTTPS_PROXY"] == "http://proxy.example.org:3128"
    assert supernode.environment["NO_PROXY"] == "intern.example.org,localhost,127.0.0.1,::1"
    assert not any(worker.environment[name] for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"))
    assert worker.environment["HF_HUB_OFFLINE"] == "1"
    for program in (supernode, worker):
        for name in ("FLWR_TELEMETRY_ENABLED", "FLWR_DISABLE_UPDATE_CHECK"):
            assert program.environment[name] == ("0" if "TELEMETRY" in name else "1")
        assert program.environment["FLWR_HOME"].startswith(str(tmp_path))


def test_the_environments_proxy_serves_where_none_is_named(tmp_path):
    supernode, _ = programs(make_site(tmp_path))
    assert "HTTPS_PROXY" not in supernode.environment


def test_the_hub_is_open_only_to_an_owner_who_allows_timms_weights(tmp_path):
    _, worker = programs(make_site(tmp_path, limits={"weights": ["timm"]}))
    assert "HF_HUB_OFFLINE" not in worker.environment


def test_a_supernode_that_died_is_left_alone_until_superlink_has_forgotten_it(tmp_path):
    supernode, worker = programs(make_site(tmp_path))
    assert supernode.rest_seconds == REST_SECONDS > 60
    assert worker.rest_seconds == 0
    assert "--insecure" not in supernode.command
    assert os.fspath(tmp_path / "a" / "keys" / "node.key") in supernode.command
