"""Four bytes a value: nothing is lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fedmtl.exchange.codec import Encoded, decode, encode
from fedmtl.exchange.codecs.base import Codec
from fedmtl.exchange.layout import Layout, Vector


@dataclass(frozen=True)
class Fp32(Codec):
    """The values as they are, little-endian; decoding is a view of the bytes, and copies nothing."""

    tag: ClassVar[str] = "fp32/1"
    lossless: ClassVar[bool] = True

    def length(self, layout: Layout) -> int:
        return 4 * layout.size

    def pack(self, vector: Vector, layout: Layout) -> bytes:
        return encode(vector).data

    def unpack(self, data: bytes, layout: Layout) -> Vector:
        return self.decode(Encoded("float32", (layout.size,), "raw", data), layout)

    def encode(self, vector: Vector, layout: Layout) -> Encoded:
        return encode(vector)

    def decode(self, encoded: Encoded, layout: Layout) -> Vector:
        return decode(encoded, layout.size, np.float32)
