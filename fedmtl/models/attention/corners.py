"""The four pixels around a point, for several points at once, in machine code without a loop.

A map is a flat array; a pixel is so many channels in a row. A point is told by where its upper left pixel starts;
the others start `right`, `below` and `right + below` further on. What belongs to corners comes in fours, in that
order: upper left, upper right, lower left, lower right.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from fedmtl.models import lanes
from fedmtl.models.lanes import LOOSE, Generated, Lanes, element, read, shuffle, splat, write

VERSION = zlib.crc32(Path(__file__).read_bytes(), lanes.VERSION)
"""Changes with this file and lanes.py; see there."""


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def gather(
    context: Any, maps: Any, starts: Any, right: Any, below: Any, shares: Any, channels: Any
) -> Generated:
    """Σ share · pixel, over all corners of all points: Lanes of so many channels."""
    pixel = Lanes(maps.dtype, channels.literal_value)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        # Two sums, so that one addition need not wait for the last.
        sums = [ir.Constant(context.get_value_type(pixel), None)] * 2
        for i, (pointer, share) in enumerate(_corners(context, builder, maps, starts.count, arguments)):
            product = builder.fmul(
                splat(builder, share, pixel.count), read(builder, pointer, sums[0].type), flags=LOOSE
            )
            sums[i % 2] = builder.fadd(sums[i % 2], product, flags=LOOSE)
        return builder.fadd(*sums, flags=LOOSE)

    return pixel(maps, starts, types.intp, types.intp, shares, channels), generate


@intrinsic  # type: ignore[untyped-decorator]
def dot_and_scatter(
    context: Any, maps: Any, starts: Any, right: Any, below: Any, shares: Any, grad: Any
) -> Generated:
    """The dot product of each corner's pixel with `grad`, four Lanes of points; adds share · grad to its gradient.

    A pixel's gradient lies behind its channels. One after another: points may share a pixel. Both are one
    function, as it takes reading and writing side by side to keep the processor busy.
    """
    points = Lanes(grad.dtype, starts.count)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        by, products = arguments[-1], []
        for pointer, share in _corners(context, builder, maps, starts.count, arguments):
            products.append(builder.fmul(read(builder, pointer, by.type), by, flags=LOOSE))
            behind = builder.gep(pointer, [ir.Constant(ir.IntType(64), grad.count)])
            change = builder.fmul(splat(builder, share, grad.count), by, flags=LOOSE)
            write(builder, behind, builder.fadd(read(builder, behind, by.type), change, flags=LOOSE))
        n = points.count
        dots = sum_each(builder, [product for corner in range(4) for product in products[corner::4]])
        by_corner = [shuffle(builder, dots, dots, range(start, start + n)) for start in range(0, 4 * n, n)]
        return context.make_tuple(builder, signature.return_type, by_corner)

    fours = types.UniTuple(points, 4)
    return fours(maps, starts, types.intp, types.intp, shares, grad), generate


def _corners(context: Any, builder: Any, maps: Any, points: int, arguments: Any) -> Iterator[tuple[Any, Any]]:
    """The address of the pixel and the share of each corner, point by point."""
    array, starts, right, below, shares, _ = arguments
    steps: list[list[Any]] = [[], [right], [below], [below, right]]
    by_corner = cgutils.unpack_tuple(builder, shares)
    for point in (ir.Constant(ir.IntType(32), i) for i in range(points)):
        first = element(context, builder, maps, (array, builder.extract_element(starts, point)))
        for share, path in zip(by_corner, steps, strict=True):
            pointer = first
            for step in path:
                pointer = builder.gep(pointer, [step])
            yield pointer, builder.extract_element(share, point)


def sum_each(builder: Any, vectors: Sequence[Any]) -> Any:
    """The sum of each vector's lanes, in a lane of its own.

    Vectors are added in pairs, the lanes of one folded into every other lane of the result: for n vectors of n
    lanes n - 1 additions, where n sums alone would take n·log n.
    """
    width = 1 << (vectors[0].type.count - 1).bit_length()
    most = 1 << (len(vectors) - 1).bit_length()
    zero = ir.Constant(vectors[0].type, None)
    rows = [shuffle(builder, vector, zero, range(width)) for vector in vectors]
    while width > most:
        width //= 2
        rows = [
            builder.fadd(
                shuffle(builder, row, row, range(width)),
                shuffle(builder, row, row, range(width, 2 * width)),
                flags=LOOSE,
            )
            for row in rows
        ]
    rows += [ir.Constant(rows[0].type, None)] * (most - len(rows))
    for bit in (1 << level for level in range(width.bit_length() - 1)):
        rows = [_fold(builder, a, b, bit) for a, b in zip(rows[::2], rows[1::2], strict=True)]
    while len(rows) > 1:
        width = rows[0].type.count
        rows = [shuffle(builder, a, b, range(2 * width)) for a, b in zip(rows[::2], rows[1::2], strict=True)]
    return shuffle(builder, rows[0], rows[0], range(len(vectors)))


def _fold(builder: Any, a: Any, b: Any, bit: int) -> Any:
    """Sums of two lanes whose numbers differ in `bit`: of a's where that is 0, of b's where it is 1."""
    width = a.type.count
    own = [i + width if i & bit else i for i in range(width)]
    other = [(i ^ bit) + width if i & bit else i ^ bit for i in range(width)]
    return builder.fadd(shuffle(builder, a, b, own), shuffle(builder, a, b, other), flags=LOOSE)
