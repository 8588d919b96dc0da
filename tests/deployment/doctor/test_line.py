import socket
from datetime import UTC, datetime, timedelta

import pytest

from fedmtl.deployment.authority import Authority
from fedmtl.deployment.doctor import line as module
from fedmtl.deployment.doctor.clock import clock_offset
from fedmtl.deployment.doctor.line import Line, proxy_for
from fedmtl.deployment.readiness import HOST, free_port
from fedmtl.errors import ConfigError, RunError
from tests.deployment.doctor.answering import answering, certified, statuses, tunnelling

PATHS = {"/here": (200, b"yes")}


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    return certified(tmp_path_factory.mktemp("tls"))


def look(address, ca, **options):
    with Line(address, ca, **options) as line:
        return list(line.open()), line.is_open


def test_a_server_as_it_should_be(own):
    with answering(PATHS, own[:2]) as port, Line(f"localhost:{port}", own[2]) as line:
        assert statuses(line.open()) == [("network", "ok"), ("tls", "ok")]
        assert line.is_open
        answer = line.post("/here", b"?")
        assert (answer.status, answer.body) == (200, b"yes")
        assert abs(clock_offset(answer.date, answer.sent, answer.received)) <= 2
        assert line.post("/nowhere").status == 404


@pytest.mark.parametrize("ahead", [-10.0, 10.0])
def test_a_server_whose_clock_is_wrong(own, ahead):
    with answering(PATHS, own[:2], ahead=ahead) as port, Line(f"localhost:{port}", own[2]) as line:
        list(line.open())
        answer = line.post("/here")
    assert abs(clock_offset(answer.date, answer.sent, answer.received) + ahead) <= 2


def test_a_name_without_an_address(own):
    (found,), is_open = look("nowhere.invalid:1", own[2])
    assert (found.check, found.status, is_open) == ("network", "fail", False)
    assert found.found.startswith("the name nowhere.invalid has no address")


def test_nobody_at_the_port(own):
    (found,), _ = look(f"localhost:{free_port()}", own[2])
    assert (found.status, "Connection refused" in found.found) == ("fail", True)


def test_somebody_who_does_not_answer(own, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT_SECONDS", 0.2)
    with socket.create_server((HOST, 0)) as silent:
        found, is_open = look(f"localhost:{silent.getsockname()[1]}", own[2])
    assert statuses(found) == [("network", "ok"), ("tls", "fail")]
    assert not is_open


def test_somebody_without_tls(own):
    with answering(PATHS) as port:
        found, is_open = look(f"localhost:{port}", own[2])
    assert (statuses(found)[-1], is_open) == (("tls", "fail"), False)
    assert "does not speak TLS" in found[-1].found


def test_another_ca(own, tmp_path):
    Authority.open(tmp_path, "other", datetime.now(UTC))
    with answering(PATHS, own[:2]) as port:
        found, is_open = look(f"localhost:{port}", tmp_path / "ca.crt")
    assert (statuses(found)[-1], is_open) == (("tls", "fail"), False)
    assert "unable to get local issuer" in found[-1].found


def test_another_host(own):
    with answering(PATHS, own[:2]) as port:
        found, _ = look(f"fl.example.org:{port}", own[2], at=(HOST, port))
    assert statuses(found) == [("network", "ok"), ("tls", "fail")]
    assert "Hostname mismatch" in found[-1].found


@pytest.mark.parametrize(("age", "status"), [(810, "warn"), (900, "fail")])
def test_a_certificate_that_ends_soon_or_has_ended(tmp_path, age, status):
    own = certified(tmp_path, now=datetime.now(UTC) - timedelta(days=age))
    with answering(PATHS, own[:2]) as port:
        found, is_open = look(f"localhost:{port}", own[2])
    assert (found[-1].check, found[-1].status, is_open) == ("tls", status, status == "warn")


def test_a_proxy_that_refuses(own):
    with answering({}) as proxy:  # it has no CONNECT
        (found,), _ = look("fl.example.org:8443", own[2], proxy=f"http://{HOST}:{proxy}")
    assert found.status == "fail"
    assert found.found.startswith(f"the proxy {HOST}:{proxy} refuses")
    assert "fl.example.org:8443" in found.advice


def test_the_way_through_a_proxy(own):
    with answering(PATHS, own[:2]) as port, tunnelling(port) as (proxy, asked):
        through = f"http://{HOST}:{proxy}"
        with Line("localhost:8443", own[2], through) as line:
            found = list(line.open())
            assert statuses(found) == [("network", "ok"), ("tls", "ok")]
            assert found[0].found == f"localhost:8443 is reached through the proxy {HOST}:{proxy}"
            assert line.post("/here").body == b"yes"
    assert asked == ["localhost:8443"]  # the name is the proxy's to look up


@pytest.mark.parametrize("proxy", ["https://p:1", "socks5://p:1", "http://"])
def test_a_proxy_of_another_kind(own, proxy):
    with pytest.raises(ConfigError, match="proxy: must be http://host:port"):
        Line("localhost:1", own[2], proxy)


def test_what_hangs_up_instead_of_an_answer(own):
    with answering(PATHS, own[:2]) as port, Line(f"localhost:{port}", own[2]) as line:
        list(line.open())
        line._connection.sock.shutdown(socket.SHUT_RDWR)
        with pytest.raises(RunError, match="does not answer a request"):
            line.post("/here")


def test_a_ca_that_is_none(tmp_path):
    (tmp_path / "ca.crt").write_text("nothing")
    with pytest.raises(ConfigError, match="cannot be read as CA certificates"):
        Line("localhost:1", tmp_path / "ca.crt")


def test_which_proxy_is_on_the_way(monkeypatch):
    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert proxy_for("fl.example.org:8443", "") == ""
    assert proxy_for("fl.example.org:8443", "http://p:1") == "http://p:1"
    monkeypatch.setenv("HTTPS_PROXY", "http://environment:2")
    assert proxy_for("fl.example.org:8443", "") == "http://environment:2"
    assert proxy_for("fl.example.org:8443", "http://p:1") == "http://p:1"
    assert proxy_for("127.0.0.1:8443", "http://p:1") == ""
    monkeypatch.setenv("NO_PROXY", "example.org")
    assert proxy_for("fl.example.org:8443", "http://p:1") == ""
