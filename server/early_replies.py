"""Replies that came before their turn: some in memory, the rest on disk."""

from __future__ import annotations

from contextlib import ExitStack
from tempfile import TemporaryFile
from typing import BinaryIO, NamedTuple, cast

from flwr.app import Array, ArrayRecord, Message

from fedmtl.errors import RunError

IN_MEMORY = 1 << 30
"""Bytes of arrays that wait in memory, at most."""


class EarlyReplies:
    """Keeps replies under the ids of the messages that they answer, until each is taken.

    One slow client holds up all replies behind it, and together they are as large as the federation: what does not
    fit into `in_memory` bytes waits in a file. It has no name, so it is gone with the process, however that ends; it
    lies where temporary files do (TMPDIR).
    """

    def __init__(self, in_memory: int = IN_MEMORY) -> None:
        self._room = in_memory
        self._replies: dict[str, Message] = {}
        self._stored: dict[str, list[_Place]] = {}
        self._file: BinaryIO | None = None
        self._open = ExitStack()

    def __contains__(self, message_id: str) -> bool:
        return message_id in self._replies

    def put(self, message_id: str, reply: Message) -> None:
        """Keep a reply.

        Raises:
            RunError: there is no room for it on disk.
        """
        self._replies[message_id] = reply
        size = _size(reply)
        if size <= self._room:
            self._room -= size
            return
        try:
            self._stored[message_id] = [self._store(array) for array in _arrays(reply)]
        except OSError as error:
            raise RunError(
                f"there is no room for replies that wait for a slow client ({error}): set TMPDIR to a larger disk"
            ) from error

    def take(self, message_id: str) -> Message:
        """The reply, which is forgotten here.

        Raises:
            KeyError: there is none.
        """
        reply = self._replies.pop(message_id)
        places = self._stored.pop(message_id, None)
        if places is None:
            self._room += _size(reply)
        else:
            for array, place in zip(_arrays(reply), places, strict=True):
                array.data = self._load(place)
        return reply

    def close(self) -> None:
        """Forget everything."""
        self._replies.clear()
        self._open.close()

    def _store(self, array: Array) -> _Place:
        if self._file is None:
            with ExitStack() as opened:
                self._file = cast(BinaryIO, opened.enter_context(TemporaryFile()))
                self._open = opened.pop_all()
        place = _Place(self._file.seek(0, 2), len(array.data))
        self._file.write(array.data)
        array.data = b""
        return place

    def _load(self, place: _Place) -> bytes:
        file = cast(BinaryIO, self._file)
        file.seek(place.start)
        return file.read(place.length)


class _Place(NamedTuple):
    start: int
    length: int


def _arrays(reply: Message) -> list[Array]:
    if reply.has_error():
        return []
    # Not by `array_records`: Flower makes a cycle of references of it, in which the reply would stay.
    records = [record for record in reply.content.values() if isinstance(record, ArrayRecord)]
    return [array for record in records for array in record.values()]


def _size(reply: Message) -> int:
    return sum(len(array.data) for array in _arrays(reply))
