import socket
from threading import Timer

import pytest

from fedmtl.deployment import listening
from fedmtl.deployment.doctor import ports
from fedmtl.deployment.doctor.ports import check_free, check_loopback_alone, refuse_taken
from fedmtl.deployment.readiness import HOST, free_port
from fedmtl.errors import RunError


@pytest.fixture
def taken():
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        yield other.getsockname()[1]


def test_free_ports_are_one_line():
    first, second = free_port(), free_port()
    (found,) = check_free({"runtime_port": (HOST, first), "health_port": (HOST, second)})
    assert (found.status, found.found) == ("ok", f"{first}, {second} are free")


def test_a_foreign_process_at_a_port_is_named_by_the_key_to_change(taken):
    (found,) = check_free({"port": ("0.0.0.0", taken), "health_port": (HOST, free_port())})
    assert found.status == "fail"
    assert found.found == f"port 0.0.0.0:{taken}: another program has it"
    assert found.advice == "end it, or set another port"


def test_a_start_is_refused_where_a_foreign_process_has_a_port(taken, monkeypatch):
    monkeypatch.setattr(ports, "PATIENCE", 0.0)
    with pytest.raises(RunError, match=f"health_port {HOST}:{taken}: another program has it; end it, or set"):
        refuse_taken({"port": (HOST, free_port()), "health_port": (HOST, taken)})


def test_a_start_waits_for_who_is_about_to_end():
    with socket.socket() as other:
        other.bind((HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        Timer(0.3, other.close).start()
        refuse_taken({"port": (HOST, port)})


def test_an_address_of_another_machine_is_seen():
    (found,) = check_free({"port": ("192.0.2.1", free_port())})
    assert "this machine does not have that address" in found.found


def test_a_port_on_loopback_alone_is_well(taken):
    (found,) = check_loopback_alone({"SuperLink": taken})
    assert (found.status, found.found) == ("ok", f"port {taken} of SuperLink is open on loopback alone")


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")])
def test_a_port_that_others_can_reach_is_a_failure(family, address):
    with socket.socket(family) as server:
        server.bind((address, 0))
        server.listen()
        port = server.getsockname()[1]
        (found,) = check_loopback_alone({"SuperLink": port})
    assert (found.status, found.found) == ("fail", f"port {port} of SuperLink is open on {address}")


def test_where_the_system_does_not_say_it_is_a_warning(monkeypatch, tmp_path):
    monkeypatch.setattr(listening, "_TABLES", (tmp_path / "tcp", tmp_path / "tcp6"))
    (found,) = check_loopback_alone({"SuperLink": 1})
    assert found.status == "warn"
