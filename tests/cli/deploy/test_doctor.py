"""fedmtl deploy doctor, as an operator meets it."""

import json

import pytest

from tests.clients.deployed import make_site
from tests.deployment.kits import write_federation


@pytest.fixture
def kit(fedmtl, tmp_path):
    write_federation(tmp_path)
    assert fedmtl("deploy", "init", "federation.yaml", "--dev-keys").code == 0
    return tmp_path / "kit"


def test_a_server_with_nothing_worse_than_warnings_exits_with_0(fedmtl, kit):
    shown = fedmtl("deploy", "doctor", kit / "server")
    assert shown.code == 0, shown.out
    assert "ok   config      federation.yaml is right: streets, 2 sites" in shown.out.splitlines()


def test_a_failure_exits_with_1_and_says_what_to_do(fedmtl, kit):
    key = kit / "server" / "tls" / "server.key"
    key.chmod(0o644)
    shown = fedmtl("deploy", "doctor", kit / "server", "--json")
    found = json.loads(shown.out)
    assert shown.code == 1
    assert all(set(each) == {"check", "status", "found", "advice"} for each in found)
    (failure,) = [each for each in found if each["status"] == "fail"]
    assert failure["check"] == "tls"
    assert f"chmod 600 {key.relative_to(kit.parent)}" in failure["found"].replace(f"{kit.parent}/", "")


def test_paths_are_whole_wherever_one_stands(fedmtl, kit, monkeypatch):
    monkeypatch.chdir(kit / "server")
    shown = fedmtl("deploy", "doctor", ".").out
    assert f"are free at {kit / 'server'};" in shown
    assert f"{kit / 'server' / 'tls' / 'server.crt'} ends on" in shown


def test_a_folder_that_is_neither_is_a_wrong_use(fedmtl, kit):
    shown = fedmtl("deploy", "doctor", kit)
    assert shown.code == 2
    assert "neither a site's folder" in " ".join(shown.err.replace("│", "").split())


def test_a_site_without_a_server_trains_on_an_image_and_fails_for_the_network(fedmtl, tmp_path, scenario):
    site = make_site(tmp_path)
    site.ca.write_bytes(b"")
    found = json.loads(fedmtl("deploy", "doctor", site.path, "--scenario", scenario, "--json").out)
    by_status = {
        status: {each["check"] for each in found if each["status"] == status} for status in ("ok", "fail")
    }
    assert by_status["fail"] == {"ca", "network"}
    assert {"keys", "data", "memory", "state", "disk", "sent log", "versions"} <= by_status["ok"]
    (memory,) = [each["found"] for each in found if each["check"] == "memory"]
    assert "on cpu (batch of 2, 0." in memory
