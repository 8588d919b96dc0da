"""HTTPS to a server, a stage at a time, so that a finding can name the stage that fails."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit
from urllib.request import (  # type: ignore[attr-defined]  # typeshed lacks the second
    getproxies_environment,
    proxy_bypass_environment,
)

from fedmtl.deployment.doctor.certificates import judge_end
from fedmtl.deployment.doctor.finding import Finding, Subject
from fedmtl.errors import ConfigError, RunError

TIMEOUT_SECONDS = 5.0
"""For each thing that is waited for."""
LARGEST_ANSWER = 2**20
_NETWORK, _TLS = Subject("network"), Subject("tls")


@dataclass(frozen=True)
class Answer:
    """What a server said.

    Attributes:
        date: its Date header, empty where it has none.
        sent: this clock's time when the question was sent, in seconds since 1970.
        received: when the answer was there.
    """

    status: int
    date: str
    body: bytes
    sent: float
    received: float


class Line:
    """A connection to a server; a context manager that closes it.

    Args:
        address: host:port by which the server is known.
        ca: the CA certificates (PEM) by which it is known.
        proxy: http://host:port of the proxy on the way; empty: none.
        at: (address, port) where the server is reached, if that is not by its name.
    """

    def __init__(self, address: str, ca: Path, proxy: str = "", at: tuple[str, int] | None = None) -> None:
        host, _, port = address.rpartition(":")
        self._address, self._host, self._proxy = address, host.strip("[]"), proxy
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # as Flower's clients make it
        try:
            self._context.load_verify_locations(ca)
        except OSError as error:  # ssl.SSLError is one
            raise ConfigError(f"{ca} cannot be read as CA certificates: {error.strerror or error}") from error
        if proxy:
            parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
            if parts.scheme != "http" or not parts.hostname:
                raise ConfigError(f"proxy: must be http://host:port, not '{proxy}'")
            target = (parts.hostname, parts.port or 80)
        else:
            target = at or (self._host, int(port))
        self._target = target
        self._connection = HTTPConnection(*target, timeout=TIMEOUT_SECONDS)
        if proxy:
            self._connection.set_tunnel(self._host, int(port))
        self.is_open = False

    def __enter__(self) -> Line:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def open(self) -> Iterator[Finding]:
        """Connect; `is_open` then says whether it is worth going on."""
        way = f"{self._target[0]}:{self._target[1]}"
        what = f"the proxy {way}" if self._proxy else way
        try:
            self._connection.connect()
        except socket.gaierror as error:
            yield _NETWORK.fail(
                f"the name {self._target[0]} has no address: {error.strerror}",
                "check its spelling, and this machine's DNS",
            )
            return
        except TimeoutError:
            yield _NETWORK.fail(
                f"{what} does not answer", "check the firewall on the way, and whether it needs a proxy"
            )
            return
        except OSError as error:
            if "Tunnel connection failed" in str(error):
                yield _NETWORK.fail(
                    f"{what} refuses: {error}", f"have it let connections to {self._address} through"
                )
            else:
                yield _NETWORK.fail(
                    f"{what} cannot be reached: {error.strerror or error}",
                    "check the port, whether anything is started there, and the firewall on the way",
                )
            return
        yield _NETWORK.ok(f"{self._address} is reached{f' through {what}' if self._proxy else ''}")
        yield from self._secure()

    def _secure(self) -> Iterator[Finding]:
        plain = self._connection.sock
        assert isinstance(plain, socket.socket)
        try:
            secured = self._context.wrap_socket(plain, server_hostname=self._host)
        except ssl.SSLCertVerificationError as error:
            yield _TLS.fail(
                f"the certificate of {self._address} is refused: {error.verify_message}",
                "compare ca.crt and the host's name with the server's operator; if both are right, another answers",
            )
            return
        except (ssl.SSLError, OSError) as error:
            yield _TLS.fail(
                f"what answers at {self._address} does not speak TLS: {error}",
                "find out what that is; it is not the server",
            )
            return
        self._connection.sock, self.is_open = secured, True
        end = dict(secured.getpeercert() or {}).get("notAfter")
        if isinstance(end, str):
            when = datetime.fromtimestamp(ssl.cert_time_to_seconds(end), UTC)
            yield judge_end(
                _TLS,
                f"the certificate of {self._address}",
                when,
                datetime.now(UTC),
                "tell the server's operator",
            )

    def post(self, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
        """Send one request over an open line, and wait for its answer.

        Raises:
            RunError: none comes, or it is no HTTP.
        """
        sent = time.time()
        try:
            self._connection.request("POST", path, body, dict(headers or {}))
            response = self._connection.getresponse()
            received = time.time()
            content = response.read(LARGEST_ANSWER)
        except (OSError, HTTPException) as error:
            raise RunError(
                f"{self._address} does not answer a request: {error or type(error).__name__}"
            ) from error
        return Answer(response.status, response.headers.get("date", ""), content, sent, received)


def proxy_for(address: str, configured: str) -> str:
    """The proxy on the way to a server, by site.yaml or else by the environment; empty where there is none."""
    host = address.rpartition(":")[0].strip("[]")
    proxies = getproxies_environment()
    loopback = {"no": ",".join(filter(None, [proxies.get("no", ""), "localhost,127.0.0.1,::1"]))}
    if proxy_bypass_environment(host, loopback):
        return ""
    return configured or proxies.get("https", "") or proxies.get("all", "")
