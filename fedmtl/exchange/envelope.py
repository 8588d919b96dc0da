"""One message's content: a JSON payload and named vectors.

Flower's records are read here by their shape alone (mappings, and `Array`'s four fields), so that server and
clients share the reader while the library stays free of Flower; each side packs with Flower's own classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fedmtl.errors import ExchangeError
from fedmtl.exchange.codec import Encoded

PAYLOAD = "payload"
VECTORS = "vectors"
SIGNATURE = "signature"
"""Beside the JSON of a payload, where the sender signs; see `fedmtl.exchange.signature`."""


def unpack(content: Mapping[str, Any]) -> tuple[object, dict[str, Encoded]]:
    """The payload's text (to be parsed) and the vectors (to be decoded) of a message's content.

    Raises:
        ExchangeError: it has other records than these two, or they are of the wrong kind.
    """
    if surplus := sorted(set(content) - {PAYLOAD, VECTORS}):
        raise ExchangeError(f"sends an unexpected record '{surplus[0]}'")
    try:
        text = content[PAYLOAD]["json"]
        vectors = {
            name: Encoded(array.dtype, tuple(array.shape), array.stype, array.data)
            for name, array in content[VECTORS].items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise ExchangeError(f"sends records that are not a payload and vectors ({error})") from error
    return text, vectors


def content_size(content: Mapping[str, Any]) -> int:
    """Bytes of the vectors in a message's content: the same on every engine and in every run.

    Not counted are the payload, some kilobytes of JSON, and the transport's framing.
    """
    return sum(len(array.data) for array in content[VECTORS].values())
