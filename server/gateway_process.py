"""The gateway's process: TLS and its bounds around `server.gateway`.

Usage: python -m server.gateway_process SERVER_FOLDER
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import sys
from pathlib import Path

import httpx
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from fedmtl.deployment.readiness import HOST
from fedmtl.deployment.server_folder import ServerFolder
from server.gateway import ANSWER_SECONDS, BODY_SECONDS, CONNECTIONS, Gateway
from server.loopback import Loopback

LARGEST_HEADERS = 16 * 2**10
IDLE_SECONDS = 75
"""A connection that asks nothing for so long is closed; SuperNodes send a heartbeat every 30 s."""
FIRST_REQUEST_SECONDS = 20.0
"""From a connection's start until its first request's headers are there."""
SOCKETS = 1024
"""Connections from outside at a time; who comes later is told 503."""
STOP_SECONDS = 3


class PatientProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, which alone would wait for ever for a connection's first request."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait."""
        super().connection_made(transport)
        self._first = self.loop.call_later(FIRST_REQUEST_SECONDS, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing to wait for any more."""
        self._first.cancel()
        super().connection_lost(exc)

    def _give_up(self) -> None:
        if self.cycle is None and not self.transport.is_closing():
            self.transport.close()


class PoliteServer(uvicorn.Server):
    """uvicorn's server, which at its end hangs up on SuperLink as well: that would wait for it.

    Args:
        client: to SuperLink.
    """

    def __init__(self, config: uvicorn.Config, client: httpx.AsyncClient) -> None:
        super().__init__(config)
        self._client = client

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End."""
        await super().shutdown(sockets)
        await self._client.aclose()


def tls(certificate: Path, private_key: Path) -> ssl.SSLContext:
    """TLS 1.2 or newer with the public certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, private_key)
    return context


def build_server(
    bind: str, port: int, context: ssl.SSLContext, superlink: str, trust: ssl.SSLContext
) -> uvicorn.Server:
    """The web server of the gateway.

    Args:
        context: TLS towards the sites.
        superlink: its URL.
        trust: TLS by which it is known.
    """
    client = httpx.AsyncClient(
        base_url=superlink,
        verify=trust,
        limits=httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS),
        timeout=httpx.Timeout(ANSWER_SECONDS, write=BODY_SECONDS),
        trust_env=False,  # no proxy stands between this and loopback
    )
    config = uvicorn.Config(
        Gateway(client),
        host=bind,
        port=port,
        http=PatientProtocol,
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=SOCKETS,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=STOP_SECONDS,
        h11_max_incomplete_event_size=LARGEST_HEADERS,
        ssl_context_factory=lambda config, default: context,
    )
    return PoliteServer(config, client)


def main(folder: ServerFolder) -> None:
    """Serve the federation's public port until SIGTERM."""
    server, loopback = folder.federation.server, Loopback(folder.state)
    context = tls(folder.certificate, folder.private_key)
    superlink = f"https://{HOST}:{server.superlink_port}"
    build_server(server.bind, server.port, context, superlink, loopback.client_context()).run()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    main(ServerFolder(Path(sys.argv[1])))
