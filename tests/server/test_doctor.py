"""A server's folder made wrong in one way at a time."""

import socket
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from fedmtl.deployment.doctor.finding import examine
from fedmtl.deployment.files import make_folder
from fedmtl.deployment.readiness import HOST, free_port
from fedmtl.deployment.server_folder import ServerFolder
from fedmtl.deployment.server_status import ProcessStatus, ServerStatus, lock_of, write_status
from fedmtl.locking import hold
from server.doctor import server_checks
from server.gateway_process import build_server, tls
from server.loopback import Loopback
from tests.deployment.doctor.answering import answering, statuses
from tests.deployment.kits import make_kit
from tests.ipv6 import needs_ipv6
from tests.server.test_gateway import serving

READY = ProcessStatus("superlink", 1, True, 0, "")


@pytest.fixture
def folder(tmp_path):
    """Of a server whose two sites have keys."""
    keys = ("port", "superlink_port", "health_port", "probe_port")
    server = {"host": "localhost", "bind": HOST} | {key: free_port() for key in keys}
    text = yaml.safe_dump({"name": "streets", "server": server, "sites": {"north": {}, "south": {}}})
    made = make_kit(tmp_path, text, datetime.now(UTC), dev_keys=True)[0].server
    make_folder(made.state, 0o700)
    return ServerFolder(made.path)


@pytest.fixture
def running(folder):
    """As if `fedmtl deploy server` ran."""
    with hold(lock_of(folder), ""):
        yield folder


def look(folder, *subjects, scenario=None):
    return examine([check for check in server_checks(folder, scenario) if check.subject in subjects])


def say(folder, *processes, ago=0.0, **changes):
    time = (datetime.now(UTC) - timedelta(seconds=ago)).isoformat()
    write_status(folder, ServerStatus(1, time, processes, **changes))


def test_a_server_before_its_start(folder):
    found = examine(server_checks(folder, None))
    # Whether a time service keeps this machine's clock right is not the test's business.
    assert {each.status for each in found if each.check != "clock"} == {"ok"}, found
    assert [each.check for each in found] == [
        *("config", "tls", "tls", "ports", "sites", "sites", "runs", "state", "disk", "clock", "versions")
    ]


def test_a_federation_yaml_that_is_wrong_is_all_there_is_to_say(folder):
    (folder.path / "federation.yaml").write_text("name: streets\nservr: {}\n")
    (found,) = examine(server_checks(ServerFolder(folder.path), None))
    assert (found.check, found.status) == ("config", "fail")


def test_a_private_key_that_others_can_read_is_a_failure(folder):
    folder.private_key.chmod(0o644)
    (found,) = look(folder, "tls")
    assert (found.status, "chmod 600" in found.found) == ("fail", True)


def test_a_foreign_process_at_a_port_is_a_failure_before_the_start(folder):
    with answering({}) as port:
        folder.federation.server.port = port
        (found,) = look(folder, "ports")
    assert (found.status, f"port {HOST}:{port}: another program has it" in found.found) == ("fail", True)


def test_processes_that_are_ready(running):
    say(running, READY)
    assert statuses(look(running, "processes")) == [("processes", "ok")]


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (
            {"processes": (ProcessStatus("gateway", None, False, 2, "ended with code 1"),)},
            "ended with code 1",
        ),
        ({"processes": (READY,), "trouble": "SuperLink cannot be reached"}, "cannot be reached"),
        ({"processes": (READY,), "ago": 90.0}, "has said nothing of itself for 90 s"),
    ],
)
def test_processes_that_are_not(running, status, says):
    say(running, *status.pop("processes"), **status)
    (found,) = look(running, "processes")
    assert (found.status, says in found.found) == ("fail", True)


def test_a_superlink_that_is_stopped_is_a_failure(running):
    assert statuses(look(running, "superlink")) == [("superlink", "fail"), ("probes", "fail")]


@pytest.mark.parametrize("bind", ["0.0.0.0", pytest.param("::", marks=needs_ipv6)])
def test_probes_on_every_address_are_found(bind, running):
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    with socket.create_server((bind, 0), family=family) as server:
        running.federation.server.probe_bind = bind
        running.federation.server.probe_port = server.getsockname()[1]
        assert statuses(look(running, "superlink")) == [("superlink", "fail")]


def test_a_superlink_that_others_can_reach_is_a_failure(running):
    with socket.create_server(("0.0.0.0", 0)) as server:
        running.federation.server.superlink_port = server.getsockname()[1]
        assert statuses(look(running, "loopback")) == [("loopback", "fail"), ("loopback", "ok")]


def test_our_own_gateway_lets_nothing_else_through_and_says_its_versions(running):
    server, loopback = running.federation.server, Loopback(running.state)
    loopback.prepare()
    context = tls(running.certificate, running.private_key)
    upstream = f"https://{HOST}:{server.superlink_port}"
    built = build_server(HOST, server.port, context, upstream, loopback.client_context())
    with serving(built, server.port):
        found = look(running, "gateway")
    assert statuses(found) == [("network", "ok"), ("tls", "ok"), ("versions", "ok"), ("gateway", "ok")]


@pytest.mark.parametrize("path", ["/v1/control/list-runs", "/v1/runtime/acquire-task"])
@pytest.mark.parametrize("status", [200, 401, 500])
def test_a_control_api_in_public_is_a_failure(running, path, status):
    with answering({path: (status, b"")}, (running.certificate, running.private_key)) as port:
        running.federation.server.port = port
        found = look(running, "gateway")[-1]
    assert (found.check, found.status) == ("gateway", "fail")
    assert f"POST {path} is answered with HTTP {status}" in found.found


def test_a_foreign_process_at_the_public_port_is_a_failure(running):
    with answering({}) as port:
        running.federation.server.port = port
        assert statuses(look(running, "gateway")) == [("network", "ok"), ("tls", "fail")]


def test_sites_that_have_handed_over_nothing_are_a_warning(folder):
    folder.sites.unlink()
    assert statuses(look(folder, "sites")) == [("sites", "warn"), ("sites", "warn")]


def test_how_sites_are_connected(running):
    say(running, READY, sites={"north": "online", "south": "offline"})
    found = look(running, "sites")
    assert [(each.status, each.found) for each in found] == [
        ("ok", "north is online"),
        ("warn", "south is not connected"),
    ]
    say(running, READY, sites={"north": "online", "south": "unregistered"})
    assert look(running, "sites")[1].status == "fail"


def test_what_a_scenario_needs_of_the_disk(folder, tmp_path):
    def needed(**changes):
        path = tmp_path / "scenario.yaml"
        path.write_text(yaml.safe_dump({"name": "x"} | changes))
        (found,) = look(folder, "disk", scenario=str(path))
        return found

    assert needed().status == "ok"
    huge = needed(checkpoint={"keep": 10**6})
    assert (huge.status, "1 runs with 1000001 checkpoints each" in huge.found) == ("fail", True)
    unknown = needed(model={"backbone": {"name": "nonesuch"}})
    assert (unknown.status, "timm has no 'nonesuch'" in unknown.found) == ("fail", True)
