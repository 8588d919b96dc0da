"""The contract of a codec: how a group's float32 vector becomes few bytes, and what of those bytes is believed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from fedmtl.exchange.codec import Encoded, check_form
from fedmtl.exchange.layout import Layout, Vector


class Codec(ABC):
    """A codec; its options are its dataclass fields, and the same on both sides.

    How many bytes a vector becomes follows from its layout and the options alone, so that a receiver knows before it
    reads any of them, and allocates nothing for a payload that has another length.

    Attributes:
        tag: `name/version`. Both sides must know it, and every payload names it; whoever changes what the bytes mean
            counts the version up.
        lossless: decoding gives the same bits. What any other codec loses is sent later, by error feedback.
    """

    tag: ClassVar[str]
    lossless: ClassVar[bool] = False

    @abstractmethod
    def length(self, layout: Layout) -> int:
        """The bytes that a vector of this layout becomes."""

    @abstractmethod
    def pack(self, vector: Vector, layout: Layout) -> bytes:
        """A vector's bytes. The same vector gives the same bytes everywhere.

        Raises:
            ExchangeError: it has values that are not finite.
        """

    @abstractmethod
    def unpack(self, data: bytes, layout: Layout) -> Vector:
        """The vector behind bytes of the right length.

        Raises:
            ExchangeError: they are no vector of finite values; the end of a sentence about them.
        """

    def encode(self, vector: Vector, layout: Layout) -> Encoded:
        """A vector as it travels.

        Raises:
            ExchangeError: it has values that are not finite.
        """
        return Encoded("float32", (layout.size,), self.tag, self.pack(vector, layout))

    def decode(self, encoded: Encoded, layout: Layout) -> Vector:
        """The vector that arrived; it may be read-only.

        Raises:
            ExchangeError: it is no finite vector of this layout in this encoding; the end of a sentence about it.
        """
        check_form(encoded, self.tag, "float32", layout.size, self.length(layout))
        return self.unpack(encoded.data, layout)
