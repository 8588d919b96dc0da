"""What an answer consists of: every byte that leaves, by name."""

from __future__ import annotations

from flwr.app import ArrayRecord, Message

from fedmtl.exchange.envelope import VECTORS


def parts_of(reply: Message) -> dict[str, bytes]:
    """Name → bytes of each vector, and of each other value as `<record>.<key>`; none for an error reply."""
    if reply.has_error():
        return {}
    parts: dict[str, bytes] = {}
    for record, values in reply.content.items():
        if isinstance(values, ArrayRecord):
            prefix = "" if record == VECTORS else f"{record}."
            parts |= {f"{prefix}{name}": array.data for name, array in values.items()}
        else:
            parts |= {f"{record}.{key}": _bytes(value) for key, value in values.items()}
    return parts


def _bytes(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
