"""Who listens on this machine's TCP ports, as the kernel tells it."""

from __future__ import annotations

import ipaddress
import sys
from dataclasses import dataclass
from pathlib import Path

_LISTENING = "0A"  # TCP_LISTEN, as /proc/net/tcp has it
_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


@dataclass(frozen=True)
class Listener:
    """A socket that accepts connections.

    Attributes:
        user: the id of the user whose process opened it.
    """

    address: ipaddress.IPv4Address | ipaddress.IPv6Address
    port: int
    user: int


def listeners(port: int) -> list[Listener] | None:
    """Every socket that listens at `port`; None where the system does not say."""
    found = []
    for table in _TABLES:
        try:
            lines = table.read_text().splitlines()[1:]
        except OSError:
            if table == _TABLES[0]:
                return None
            continue
        for line in lines:
            _, local, _, state, _, _, _, user, *_ = line.split()
            address, _, at = local.rpartition(":")
            if state == _LISTENING and int(at, 16) == port:
                found.append(Listener(_address(address), port, int(user)))
    return found


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """From words of 32 bits in hexadecimal, each in this machine's order of bytes, as the kernel writes them."""
    words = [int(text[at : at + 8], 16) for at in range(0, len(text), 8)]
    address = ipaddress.ip_address(b"".join(word.to_bytes(4, sys.byteorder) for word in words))
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address
