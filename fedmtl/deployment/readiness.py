"""Whether a process on loopback is ready: its port is open, or its gRPC health service says so."""

from __future__ import annotations

import socket

import grpc

HOST = "127.0.0.1"
TIMEOUT_SECONDS = 1.0
_SERVING = b"\x08\x01"
"""A HealthCheckResponse of grpc.health.v1 with status SERVING."""


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
