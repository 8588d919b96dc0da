"""A site's folder made wrong in one way at a time."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import msgspec
import pytest
import yaml

from clients.doctor import site_checks
from clients.ledger import UsageLedger
from clients.pinned_app import shipped_hash
from clients.sent_log import SentLog
from fedmtl.deployment.doctor.finding import examine
from fedmtl.deployment.files import make_folder
from fedmtl.deployment.readiness import HOST, free_port
from fedmtl.deployment.versions import VERSIONS_PATH, Versions
from fedmtl.locking import hold
from tests.clients.deployed import make_site
from tests.deployment.doctor.answering import answering, certified, statuses

KNOWN, UNKNOWN = b'{"code": 2003}', b'{"code": 2004}'
SERVING, NOT_SERVING = b"\x08\x01", b"\x08\x02"


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    return certified(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def site(tmp_path, own):
    made = make_site(tmp_path, limits={"rounds": 10, "megabytes": 1.0})
    made.ca.write_bytes(own[2].read_bytes())
    make_folder(made.state, 0o700)
    return made


def look(site, *subjects):
    return examine([check for check in site_checks(site, None) if check.subject in subjects])


def look_at_server(site, own, activation, ahead=0.0, versions=None):
    """What is found where the server answers an activation with (status, body)."""
    versions = versions or Versions.installed(shipped_hash())
    paths = {
        VERSIONS_PATH: (200, msgspec.json.encode(versions)),
        "/v1/fleet/activate-node": activation,
    }
    with answering(paths, own[:2], ahead) as port:
        site.config.server = f"localhost:{port}"
        return {finding.check: finding for finding in look(site, "network")}


@contextmanager
def health_service(port, answer):
    handlers = {"Check": grpc.unary_unary_rpc_method_handler(lambda request, context: answer)}
    server = grpc.server(ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("grpc.health.v1.Health", handlers),)
    )
    assert server.add_insecure_port(f"{HOST}:{port}") == port
    server.start()
    try:
        yield
    finally:
        server.stop(None).wait()


def test_a_site_yaml_that_is_wrong_is_all_there_is_to_say(site):
    site.file.write_text("site: a\nservr: h:1\n")
    (found,) = examine(site_checks(type(site)(site.path), None))
    assert (found.check, found.status) == ("config", "fail")
    assert "did you mean 'server'" in found.found


def with_source(site, source):
    site.file.write_text(yaml.safe_dump(yaml.safe_load(site.file.read_text()) | {"data": {"source": source}}))
    return type(site)(site.path)


def test_an_option_that_the_source_does_not_have_is_a_failure_of_the_config_alone(site):
    found = look(with_source(site, {"kind": "folder", "pth": "/data/images"}), "config", "data", "memory")
    assert statuses(found) == [("config", "fail"), ("data", "warn"), ("memory", "warn")]
    assert found[0].found == (
        f"{site.file}: data.source.pth: data source 'folder' has no such option; did you mean 'path'?"
    )
    assert {each.found for each in found[1:]} == {"is not checked"}


def test_data_that_is_not_there_is_one_failure(site, tmp_path):
    nowhere = tmp_path / "nowhere"
    found = look(with_source(site, {"kind": "folder", "path": str(nowhere)}), "config", "data", "memory")
    assert statuses(found) == [("config", "ok"), ("data", "fail"), ("memory", "warn")]
    assert str(nowhere) in found[1].found
    assert str(found[2]).endswith("is not checked; first put the data right")


def test_a_site_as_it_should_be(site):
    found = look(site, "config", "keys", "ca", "supernode", "data", "state", "disk", "records", "versions")
    assert {finding.status for finding in found} == {"ok"}, found


def test_a_server_as_it_should_be(site, own):
    found = look_at_server(site, own, (400, KNOWN))
    assert {name: each.status for name, each in found.items()} == dict.fromkeys(
        ("network", "tls", "clock", "versions", "registered"), "ok"
    )


def test_a_clock_that_is_fast_is_a_failure(site, own):
    found = look_at_server(site, own, (401, b""), ahead=-20.0)
    assert found["clock"].status == "fail"
    assert re.search("(19|20|21) s fast", found["clock"].found)  # a date has whole seconds
    assert (found["registered"].status, "clock" in found["registered"].advice) == ("fail", True)


def test_other_versions_at_the_server_are_a_failure(site, own):
    found = look_at_server(site, own, (400, KNOWN), versions=Versions("9.9", "1.41.0", "f" * 64))
    assert (found["versions"].status, "fedmtl 9.9" in found["versions"].found) == ("fail", True)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((412, UNKNOWN), "does not know this site's node key"),
        ((401, b'{"detail": "Invalid"}'), "refuses what the node key signed"),
        ((503, b""), "SuperLink behind it is not"),
        ((404, b""), "HTTP 404"),
        ((200, b""), "HTTP 200"),
    ],
)
def test_a_node_key_that_is_not_let_in_is_a_failure(site, own, answer, says):
    found = look_at_server(site, own, answer)["registered"]
    assert (found.status, says in found.found) == ("fail", True)
    assert found.advice


def test_no_server_is_one_failure(site):
    site.config.server = f"localhost:{free_port()}"
    assert statuses(look(site, "network")) == [("network", "fail")]


def test_a_foreign_process_at_a_port_is_a_failure_before_the_start(site):
    with answering({}) as port:
        site.config.runtime_port = port
        (found,) = look(site, "supernode")
    assert (found.check, found.status) == ("ports", "fail")


@pytest.mark.parametrize(("answer", "status"), [(SERVING, "ok"), (NOT_SERVING, "fail"), (None, "fail")])
def test_the_health_of_a_supernode_that_runs(site, answer, status):
    with hold(site.lock, ""):
        if answer is None:
            found = look(site, "supernode")
        else:
            with health_service(site.config.health_port, answer):
                found = look(site, "supernode")
    assert statuses(found) == [("supernode", status)]


def write_records(site, rounds=0):
    ledger, log = UsageLedger(site.ledger, site.config.limits), SentLog(site.sent, 0, "")
    for number in range(1, 3):
        ledger.enter_answer(*log.append("run", number, "train", {"backbone": bytes(10)}))
    for _ in range(rounds):
        ledger.begin_round()


def test_a_log_that_goes_on_is_whole_and_left_alone(site):
    write_records(site)
    with site.sent.open("ab") as file:
        file.write(b'{"time":')  # the worker is in the middle of a line
    content = site.sent.read_bytes()
    assert ("sent log", "ok") in statuses(look(site, "records"))
    assert site.sent.read_bytes() == content


def test_a_log_with_a_changed_line_is_a_failure(site):
    write_records(site)
    first, second = site.sent.read_bytes().splitlines()
    site.sent.write_bytes(json.dumps(json.loads(first) | {"round": 9}).encode() + b"\n" + second + b"\n")
    assert ("sent log", "fail") in statuses(look(site, "records"))


def test_a_damaged_ledger_is_a_failure(site):
    site.ledger.write_text("{")
    (found,) = look(site, "records")
    assert (found.status, "is damaged" in found.found) == ("fail", True)


@pytest.mark.parametrize(("rounds", "status"), [(1, "ok"), (9, "warn"), (10, "fail")])
def test_limits_that_are_used_up(site, rounds, status):
    write_records(site, rounds)
    found = look(site, "records")
    assert statuses(found) == [("sent log", "ok"), ("limits", status), ("limits", "ok")]
    assert found[1].found == f"{rounds} of 10 rounds are used up"
