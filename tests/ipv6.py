"""Whether this machine has IPv6, which not every container has."""

import socket

import pytest

from fedmtl.deployment.readiness import IPV6_HOST


def _has_ipv6():
    try:
        socket.create_server((IPV6_HOST, 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6 loopback")
