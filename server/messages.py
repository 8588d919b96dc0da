"""Between our payloads and vectors and Flower's messages."""

from __future__ import annotations

from collections.abc import Mapping

from flwr.app import Array, ArrayRecord, ConfigRecord, Message, RecordDict

from fedmtl.errors import ExchangeError
from fedmtl.exchange.codec import Encoded
from fedmtl.exchange.envelope import PAYLOAD, VECTORS, unpack
from fedmtl.exchange.messages import Payload
from server.allowances import largest_reply
from server.delivery import NO_ANSWER


def message(
    node: int,
    kind: str,
    payload: Payload | None = None,
    arrays: Mapping[str, Array] | None = None,
    ttl: float | None = None,
    values: int = 0,
) -> Message:
    """A message of `kind` (Flower's message type) to a node, to be answered within `ttl` seconds.

    Args:
        values: how many numbers the answer may have in its vectors; the gateway lets no larger one through.
    """
    text = payload.to_json() if payload is not None else ""
    content = RecordDict({PAYLOAD: ConfigRecord({"json": text}), VECTORS: ArrayRecord(dict(arrays or {}))})
    return Message(content, node, kind, ttl=ttl, group_id=str(largest_reply(values)))


def to_array(encoded: Encoded) -> Array:
    """A vector as Flower carries it; one such object may go into many messages."""
    return Array(encoded.dtype, encoded.shape, encoded.stype, encoded.data)


def content_of(reply: Message) -> tuple[object, dict[str, Encoded]]:
    """The payload's text and the vectors of a reply.

    Raises:
        ExchangeError: the reply is an error, or has other content.
    """
    if reply.has_error():
        reason = reply.error.reason or f"code {reply.error.code}"
        raise ExchangeError(reason if reply.error.code == NO_ANSWER else f"failed: {reason}")
    return unpack(reply.content)
