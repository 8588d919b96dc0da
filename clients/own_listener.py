"""Nothing is sent to a runtime API that another user's process has opened.

The secret proves the worker to the SuperNode, and nothing proves the SuperNode to the worker. A SuperNode that died
leaves its port to whoever is quick, for a minute or more; what the worker would send there are a round's updates.
"""

from __future__ import annotations

import os

import httpx
from flwr.supercore.protobuf.client import ProtobufCall, ProtobufRequestContext

from fedmtl.deployment.listening import listeners


class StrangerError(httpx.TransportError):
    """Another user's process listens where the SuperNode should."""


class OwnListener:
    """Looks who listens before each request.

    Args:
        port: of the runtime API, on loopback.
    """

    def __init__(self, port: int) -> None:
        self._port = port

    def intercept(self, context: ProtobufRequestContext, call_next: ProtobufCall) -> httpx.Response:
        """Pass a request on, where it stays with this user.

        Raises:
            StrangerError: it would not.
        """
        for listener in listeners(self._port) or ():
            if listener.user != os.getuid():
                raise StrangerError(
                    f"port {self._port} is open to a process of user {listener.user}: find out which (ss -ltnp), and "
                    "end it"
                )
        return call_next(context)
