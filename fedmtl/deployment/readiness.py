"""Whether a process on this machine is ready: its port is open, or its gRPC health service says so."""

from __future__ import annotations

import ipaddress
import socket

import grpc

HOST = "127.0.0.1"
IPV6_HOST = "::1"
TIMEOUT_SECONDS = 1.0
_SERVING = b"\x08\x01"
"""A HealthCheckResponse of grpc.health.v1 with status SERVING."""


def loopback_of(bind: str) -> str:
    """Where this machine reaches what listens on the address `bind`: there, or on loopback if that is every address.

    Of every IPv6 address it is the IPv6 loopback, because not every server there takes IPv4 as well.

    Raises:
        ValueError: `bind` is no IP address.
    """
    address = ipaddress.ip_address(bind)
    if not address.is_unspecified:
        return bind
    return HOST if address.version == 4 else IPV6_HOST


def free_port() -> int:
    """A port of the loopback interface that nobody uses."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_listening(port: int, host: str = HOST) -> bool:
    """Whether somebody accepts connections at this port."""
    try:
        socket.create_connection((host, port), TIMEOUT_SECONDS).close()
    except OSError:
        return False
    return True


def is_serving(health_port: int) -> bool:
    """Whether the grpc.health.v1 service at this port of the loopback interface answers SERVING."""
    with grpc.insecure_channel(f"{HOST}:{health_port}") as channel:
        ask: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/grpc.health.v1.Health/Check")
        try:
            return ask(b"", timeout=TIMEOUT_SECONDS) == _SERVING
        except grpc.RpcError:
            return False
