"""Ports of this machine: free, and not reachable from elsewhere."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Iterator, Mapping
from threading import Event

from fedmtl.deployment.doctor.finding import Finding, Subject
from fedmtl.deployment.listening import listeners
from fedmtl.errors import RunError

PATIENCE = 10.0
"""Seconds that the processes of a server or a site that was killed have to end."""
POLL_SECONDS = 0.2
_PORTS = Subject("ports")


def check_free(ports: Mapping[str, tuple[str, int]]) -> Iterator[Finding]:
    """Whether these ports could be opened.

    Args:
        ports: key in the config → (address, port).
    """
    taken = False
    for key, (address, port) in ports.items():
        if reason := _why_not(address, port):
            taken = True
            yield _PORTS.fail(f"{key} {address}:{port}: {reason}", f"end it, or set another {key}")
    if not taken:
        yield _PORTS.ok(f"{', '.join(str(port) for _, port in ports.values())} are free")


def refuse_taken(ports: Mapping[str, tuple[str, int]]) -> None:
    """Wait until these ports can be opened, for those who had them may be about to end.

    Args:
        ports: as for `check_free`.

    Raises:
        RunError: one of them still cannot.
    """
    deadline, pause = time.monotonic() + PATIENCE, Event()
    while taken := [finding for finding in check_free(ports) if finding.status == "fail"]:
        if time.monotonic() >= deadline:
            raise RunError(f"{taken[0].found}; {taken[0].advice}")
        pause.wait(POLL_SECONDS)


def check_loopback_alone(keys: Mapping[str, int]) -> Iterator[Finding]:
    """Whether these ports are open on loopback and on no other address.

    Args:
        keys: what listens → port.
    """
    for name, port in keys.items():
        subject = Subject("loopback")
        if (listening := listeners(port)) is None:
            yield subject.warn(
                f"it cannot be told which addresses {name} listens on",
                f"see to it that port {port} is not reachable",
            )
            continue
        reachable = [each.address for each in listening if not each.address.is_loopback]
        if reachable:
            yield subject.fail(
                f"port {port} of {name} is open on {reachable[0]}",
                "find out who opened it (ss -ltnp), and end it: whoever reaches it can start runs",
            )
        else:
            yield subject.ok(f"port {port} of {name} is open on loopback alone")


def _why_not(address: str, port: int) -> str:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(
                socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
            )  # as servers do: closed connections linger
            probe.bind((address, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return "another program has it"
        if error.errno == errno.EACCES:
            return "only root may open it"
        if error.errno == errno.EADDRNOTAVAIL:
            return "this machine does not have that address"
        return error.strerror or str(error)
    return ""
