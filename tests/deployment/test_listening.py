import os
import socket
from ipaddress import ip_address

from fedmtl.deployment.listening import listeners
from fedmtl.deployment.readiness import HOST, free_port


def test_who_listens_is_told_with_address_and_user():
    with socket.socket() as server:
        server.bind((HOST, 0))
        port = server.getsockname()[1]
        assert listeners(port) == []  # bound, and not open yet
        server.listen()
        (found,) = listeners(port)
    assert (found.address, found.port, found.user) == (ip_address(HOST), port, os.getuid())


def test_a_free_port_has_nobody():
    assert listeners(free_port()) == []
