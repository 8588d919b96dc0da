"""Where a server is reached that listens on every address, and whether it is there."""

import socket

import pytest

from fedmtl.deployment.readiness import HOST, free_port, is_listening, loopback_of
from tests.ipv6 import needs_ipv6


@pytest.mark.parametrize(
    ("bind", "reached"),
    [
        ("0.0.0.0", "127.0.0.1"),
        ("::", "::1"),
        ("0:0:0:0:0:0:0:0", "::1"),
        ("127.0.0.1", "127.0.0.1"),
        ("10.0.0.7", "10.0.0.7"),
        ("::1", "::1"),
        ("fd00::7", "fd00::7"),
    ],
)
def test_only_what_listens_on_every_address_is_reached_on_loopback(bind, reached):
    assert loopback_of(bind) == reached


@pytest.mark.parametrize("bind", ["0.0.0.0", pytest.param("::", marks=needs_ipv6)])
def test_a_server_on_every_address_is_found(bind):
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    with socket.create_server((bind, 0), family=family) as server:  # of IPv6 alone, as asyncio's are
        port = server.getsockname()[1]
        assert is_listening(port, loopback_of(bind))
        assert is_listening(port, HOST) is (bind == "0.0.0.0")


@pytest.mark.parametrize("bind", ["0.0.0.0", "::"])
def test_where_nobody_listens_nobody_is_found(bind):
    assert not is_listening(free_port(), loopback_of(bind))
