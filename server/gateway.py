"""What a site can reach of the server: SuperLink's fleet API, and nothing else.

SuperLink has its fleet, control and runtime APIs on one port, and no account authentication: whoever reaches the
control API can start runs. So SuperLink listens on loopback alone, and this passes on POST /v1/fleet/<name>, with
nothing of the request but its body and the headers that Flower's SuperNodes send. One of those names it answers
itself: by which versions a site's doctor can tell whether the two fit. What one request may have in it is bounded here,
and what a whole reply may, which comes in many.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import httpx
import msgspec
from flwr.common.constant import TIMESTAMP_HEADER
from flwr.supercore.constant import (
    FLEET_HTTP_PUBLIC_KEY_HEADER,
    FLEET_HTTP_SIGNATURE_HEADER,
    FLWR_COMPONENT_NAME_METADATA_KEY,
    FLWR_PACKAGE_NAME_METADATA_KEY,
    FLWR_PACKAGE_VERSION_METADATA_KEY,
)

from fedmtl.deployment.versions import VERSIONS_PATH, Versions
from server.allowances import Allowances, node_of
from server.control import shipped_app

logger = logging.getLogger(__name__)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

LARGEST_BODY = 8 * 2**20
"""Bytes of a request, at most. Flower sends arrays in chunks of 5 MiB, a message's tree of objects apart from them."""
BODY_SECONDS = 120.0
"""Within which a whole body must arrive."""
ANSWER_SECONDS = 60.0
"""Within which SuperLink must begin its answer."""
CONNECTIONS = 64
"""To SuperLink at a time; who comes later waits for ANSWER_SECONDS."""
_ASKS = b"/v1/fleet/pull-messages"
_PUSHES = frozenset({b"/v1/fleet/push-messages", b"/v1/fleet/push-object"})
_PATH = re.compile(rb"/v1/fleet/[a-z](?:-?[a-z]+)*")
_PASSED_ON = frozenset(
    name.encode()
    for name in (
        "content-type",
        "accept",
        FLEET_HTTP_PUBLIC_KEY_HEADER,
        FLEET_HTTP_SIGNATURE_HEADER,
        TIMESTAMP_HEADER,
        FLWR_COMPONENT_NAME_METADATA_KEY,
        FLWR_PACKAGE_NAME_METADATA_KEY,
        FLWR_PACKAGE_VERSION_METADATA_KEY,
    )
)
"""All that Flower's SuperNodes say; nothing by which a peer could pretend to be local."""
_NOT_RETURNED = frozenset(
    {b"connection", b"keep-alive", b"transfer-encoding", b"te", b"trailer", b"upgrade", b"server", b"date"}
)


class Gateway:
    """The ASGI application.

    Args:
        client: to SuperLink; its base URL is SuperLink's.
    """

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self._allowances = Allowances()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        # The path as it was sent: nothing is decoded, so nothing can be hidden in it.
        path: bytes = scope["raw_path"]
        if scope["method"] != "POST" or not _PATH.fullmatch(path) or scope["query_string"]:
            await _refuse(send, 404)
            return
        if path == VERSIONS_PATH.encode():
            await _tell_versions(send)
            return
        headers: Headers = scope["headers"]
        length = _content_length(headers)
        if length is None:
            await _refuse(send, 411)
        elif length > LARGEST_BODY:
            logger.warning("%s sent a body of %d bytes", _peer(scope), length)
            await _refuse(send, 413)
        elif path in _PUSHES:
            await self._pass_a_push_on(scope, length, receive, send)
        else:
            await self._pass_on(scope, length, receive, send)

    async def _pass_a_push_on(self, scope: Scope, length: int, receive: Receive, send: Send) -> None:
        """Pass a push on if it fits the node's remaining allowance; answer 413 otherwise."""
        allowance = self._allowances.of(_node(scope["headers"]))
        if not allowance.take(length):
            logger.warning("%s answers with more bytes than it was asked for: refused", _peer(scope))
            await _refuse(send, 413)
            return
        answer = None
        try:
            answer = await self._ask(scope, length, receive, send)
        finally:
            if answer is None or not answer.is_success:
                allowance.give_back(length)
        if answer is not None:
            await _return(answer, send)

    async def _pass_on(self, scope: Scope, length: int, receive: Receive, send: Send) -> None:
        answer = await self._ask(scope, length, receive, send)
        if answer is None:
            return
        if answer.is_success and scope["raw_path"] == _ASKS:
            self._allowances.note(_node(scope["headers"]), await answer.aread())
        await _return(answer, send)

    async def _ask(self, scope: Scope, length: int, receive: Receive, send: Send) -> httpx.Response | None:
        """SuperLink's answer; None where there is none, which the peer has been told then."""
        passed = [(name, value) for name, value in scope["headers"] if name in _PASSED_ON]
        request = self._client.build_request(
            "POST",
            scope["raw_path"].decode(),
            headers=[*passed, (b"content-length", str(length).encode())],
            content=_body(receive),
        )
        for name in ("user-agent", "accept-encoding"):
            request.headers.pop(name, None)
        try:
            return await self._client.send(request, stream=True)
        except _GoneError:
            pass  # nobody is left to be told
        except TimeoutError:
            await _refuse(send, 408)
        except httpx.TimeoutException:
            await _refuse(send, 504)
        except httpx.TransportError as error:
            logger.warning("SuperLink does not answer: %s", error)
            await _refuse(send, 503)  # Flower's SuperNodes try again
        return None


class _GoneError(Exception):
    """Who asked hung up before all was said."""


async def _body(receive: Receive) -> AsyncIterator[bytes]:
    """The request's body as it arrives; the web server holds it to its content-length."""
    async with asyncio.timeout(BODY_SECONDS):
        more = True
        while more:
            event = await receive()
            if event["type"] == "http.disconnect":
                raise _GoneError
            more = event.get("more_body", False)
            if chunk := event.get("body"):
                yield chunk


async def _return(answer: httpx.Response, send: Send) -> None:
    kept = [(name.lower(), value) for name, value in answer.headers.raw if name.lower() not in _NOT_RETURNED]
    try:
        await send({"type": "http.response.start", "status": answer.status_code, "headers": kept})
        async for chunk in answer.aiter_bytes():  # as they came: no encoding was asked for
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body"})
    finally:
        await answer.aclose()


async def _tell_versions(send: Send) -> None:
    body = msgspec.json.encode(Versions.installed(shipped_app().hash_str))
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _refuse(send: Send, status: int) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


def _content_length(headers: Iterable[tuple[bytes, bytes]]) -> int | None:
    lengths = [value for name, value in headers if name == b"content-length"]
    return int(lengths[0]) if len(lengths) == 1 and lengths[0].isdigit() else None


def _node(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Whose key the request has, which SuperLink checks; the first one counts, there as here."""
    keys = [value for name, value in headers if name == FLEET_HTTP_PUBLIC_KEY_HEADER.encode()]
    return node_of(keys[0]) if keys else b""


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else "somebody"
