"""The gradient of a depthwise convolution by its weight on a CPU, compiled for one width of the weight and one dtype.

Maps are read as they lie in memory, channels last, and so many channels at once as fill a line of the cache. Of
each such block of channels every row of the input is copied side by side, with zeros beside it for the padding; it
meets each row of the result's gradient that it had a part in. Meanwhile the sums of one row of the weight stay in
registers. A block is one thread's, and every sum has one order: the bits are the same on any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import torch
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray
from torch import Tensor

from fedmtl.compiled import kernel
from fedmtl.models.lanes import LOOSE, VERSION, Generated, Lanes, element, load, read, store, write
from fedmtl.threads import share_out

LINE = 64
"""Bytes of a line of the cache."""

fused = partial(kernel, contract=True)
Kernel = Callable[..., None]
Pair = tuple[int, int]
"""Of height and width."""


def weight_gradient(
    x: Tensor, grad: Tensor, size: Sequence[int], stride: Sequence[int], padding: Sequence[int]
) -> Tensor:
    """The gradient by the weight, (C, 1, *size), of a depthwise convolution.

    Args:
        x: its input, (B, C, H, W), float32 or float64. Copied if the channels do not come last in memory.
        grad: the gradient by its result, (B, C, H', W'), of that dtype.
        size: of the weight.
        padding: rows of zeros above and below `x`, columns left and right.
    """
    channels, width = x.shape[1], x.shape[3]
    lanes = min(LINE // x.element_size(), 1 << (channels.bit_length() - 1))
    weight = x.new_empty(channels, 1, *size)
    threads = torch.get_num_threads()
    row = x.new_empty(threads, (width + 2 * padding[1]) * lanes).numpy()
    sums = x.new_empty(threads, size[0] * size[1] * lanes).numpy()
    arrays = _channels_last(x), _channels_last(grad), weight.view(-1).numpy()
    shapes = tuple(x.shape), tuple(grad.shape[2:]), size[0], tuple(stride), tuple(padding)
    add_up = make_kernel(lanes, size[1])

    def work(thread: int, first: int, last: int) -> None:
        add_up(*arrays, row[thread], sums[thread], *shapes, first, last)

    share_out(-(-channels // lanes), work)
    return weight


def _channels_last(maps: Tensor) -> NDArray[Any]:
    return maps.permute(0, 2, 3, 1).contiguous().view(-1).numpy()


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def no_sums(context: Any, array: Any, lanes: Any, count: Any) -> Generated:
    """`count` times so many zeros of `array`'s dtype."""
    zeros = Lanes(array.dtype, lanes.literal_value)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        zero = ir.Constant(context.get_value_type(zeros), None)
        return context.make_tuple(builder, signature.return_type, [zero] * count.literal_value)

    return types.UniTuple(zeros, count.literal_value)(array, lanes, count), generate


@intrinsic  # type: ignore[untyped-decorator]
def add_products(context: Any, sums: Any, array: Any, start: Any, factor: Any) -> Generated:
    """To each of the sums, the product of `factor` and its turn of the elements of `array` from `start`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        *_, by = arguments
        added = []
        for pointer, total in _each(context, builder, array, arguments[1:3], arguments[0]):
            product = builder.fmul(read(builder, pointer, by.type), by, flags=LOOSE)
            added.append(builder.fadd(total, product, flags=LOOSE))
        return context.make_tuple(builder, sums, added)

    return sums(sums, array, types.intp, factor), generate


@intrinsic  # type: ignore[untyped-decorator]
def add_sums(context: Any, array: Any, start: Any, sums: Any) -> Generated:
    """array[start:] += sums, one after another."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        for pointer, total in _each(context, builder, array, arguments[:2], arguments[2]):
            write(builder, pointer, builder.fadd(read(builder, pointer, total.type), total, flags=LOOSE))
        return context.get_dummy_value()

    return types.void(array, types.intp, sums), generate


def _each(context: Any, builder: Any, array: Any, place: Any, sums: Any) -> list[tuple[Any, Any]]:
    """The address of each sum's turn of the elements from `place`, an array and a start, and the sum."""
    first, totals = element(context, builder, array, place), cgutils.unpack_tuple(builder, sums)
    steps = [ir.Constant(ir.IntType(64), i * total.type.count) for i, total in enumerate(totals)]
    return [(builder.gep(first, [step]), total) for step, total in zip(steps, totals, strict=True)]


@cache
def make_kernel(lanes: int, columns: int) -> Kernel:
    """The kernel that takes so many channels at once, for weights of so many columns."""
    version = VERSION

    @fused
    def add_up(
        x: Any,
        grad: Any,
        weight: Any,
        row: Any,
        sums: Any,
        shape: tuple[int, int, int, int],
        out_shape: Pair,
        rows: int,
        stride: Pair,
        padding: Pair,
        first_block: int,
        last_block: int,
    ) -> None:
        """A range of blocks of channels. The last block of all begins early where channels do not fill it.

        `row` holds a row of a block of `x` with its padding, `sums` the gradient of a block.
        """
        if version < 0:  # never; so that numba's cache tells versions of lanes.py apart
            return
        batch, channels, height, width = shape
        out_height, out_width = out_shape
        row[:] = 0
        for block in range(first_block, last_block):
            channel = min(block * lanes, channels - lanes)
            sums[:] = 0
            for y in range(batch * height):
                sample = y // height
                for i in range(width):
                    store(row, (padding[1] + i) * lanes, load(x, (y * width + i) * channels + channel, lanes))
                top = y % height + padding[0]  # rows above this one, those of the padding too
                first_out = max(0, (top - rows + stride[0]) // stride[0])
                for out_y in range(first_out, min(out_height, top // stride[0] + 1)):
                    place = (sample * out_height + out_y) * out_width * channels + channel
                    of_row = no_sums(sums, lanes, columns)
                    for j in range(out_width):
                        by = load(grad, place + j * channels, lanes)
                        of_row = add_products(of_row, row, j * stride[1] * lanes, by)
                    add_sums(sums, (top - out_y * stride[0]) * columns * lanes, of_row)
            area = rows * columns
            for lane in range(block * lanes - channel, lanes):
                for i in range(area):
                    weight[(channel + lane) * area + i] = sums[i * lanes + lane]

    return add_up
