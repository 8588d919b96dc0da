"""What a client keeps of secure sums between messages, as bytes for a file that only it can read."""

from __future__ import annotations

from typing import ClassVar, Self

import msgspec

from fedmtl.errors import RunError


class Kept(msgspec.Struct, forbid_unknown_fields=True):
    """A struct with secrets in it.

    Attributes:
        called: what to call it in a sentence, with a verb for several or for one.
    """

    called: ClassVar[str]

    def to_bytes(self) -> bytes:
        """All of it, secrets in clear."""
        return msgspec.msgpack.encode(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The inverse of `to_bytes`.

        Raises:
            RunError: the bytes are damaged.
        """
        try:
            return msgspec.msgpack.decode(data, type=cls)
        except msgspec.MsgspecError as error:
            raise RunError(f"{cls.called} damaged: {error}") from error
