"""The channels of one head as one value of numba's: all of them are loaded, multiplied and added at once.

LLVM breaks such a value up into the widest registers that the processor has, and numba's own loops over channels
would first have to prove, at each pixel, that no two arrays overlap. Reductions may reorder their additions, the
same way every time.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models, register_default
from numba.extending import intrinsic

VERSION = zlib.crc32(Path(__file__).read_bytes())
"""Changes with this file. numba's cache sees a kernel's own file alone, so a kernel should depend on this."""
_REORDER = ("reassoc", "contract", "nsz")
_Generated = tuple[Any, Callable[..., Any]]


class Lanes(types.Type):  # type: ignore[misc]
    """The type of `count` numbers of a floating `dtype`."""

    def __init__(self, dtype: types.Float, count: int) -> None:
        self.dtype, self.count = dtype, count
        super().__init__(name=f"Lanes({dtype}, {count})")


@register_default(Lanes)
class _LanesModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, lanes: Lanes) -> None:
        element = ir.FloatType() if lanes.dtype == types.float32 else ir.DoubleType()
        super().__init__(manager, lanes, ir.VectorType(element, lanes.count))


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def load(context: Any, array: Any, start: Any, count: Any) -> _Generated:
    """The `count` elements of the contiguous `array` from `start`."""
    lanes = Lanes(array.dtype, count.literal_value)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _element(context, builder, array, arguments)
        pointer = builder.bitcast(pointer, context.get_value_type(lanes).as_pointer())
        return builder.load(pointer, align=array.dtype.bitwidth // 8)

    return lanes(array, types.intp, count), generate


@intrinsic  # type: ignore[untyped-decorator]
def store(context: Any, array: Any, start: Any, lanes: Any) -> _Generated:
    """array[start:] = lanes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _element(context, builder, array, arguments)
        pointer = builder.bitcast(pointer, arguments[2].type.as_pointer())
        builder.store(arguments[2], pointer, align=array.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), generate


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def zeros(context: Any, array: Any, count: Any) -> _Generated:
    """`count` zeros of `array`'s dtype."""
    lanes = Lanes(array.dtype, count.literal_value)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return ir.Constant(context.get_value_type(lanes), None)

    return lanes(array, count), generate


@intrinsic  # type: ignore[untyped-decorator]
def add(context: Any, a: Any, b: Any) -> _Generated:
    """Sum: a + b."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.fadd(*arguments, flags=_REORDER)

    return a(a, b), generate


@intrinsic  # type: ignore[untyped-decorator]
def add_scaled(context: Any, total: Any, factor: Any, lanes: Any) -> _Generated:
    """Sum: total + factor · lanes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        total, factor, lanes = arguments
        return builder.fadd(total, _scaled(builder, factor, lanes), flags=_REORDER)

    return total(total, lanes.dtype, lanes), generate


@intrinsic  # type: ignore[untyped-decorator]
def add_to(context: Any, array: Any, start: Any, factor: Any, lanes: Any) -> _Generated:
    """array[start:] += factor · lanes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, _, factor, lanes = arguments
        pointer = builder.bitcast(_element(context, builder, array, arguments), lanes.type.as_pointer())
        bytes_each = array.dtype.bitwidth // 8
        total = builder.load(pointer, align=bytes_each)
        total = builder.fadd(total, _scaled(builder, factor, lanes), flags=_REORDER)
        builder.store(total, pointer, align=bytes_each)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes.dtype, lanes), generate


@intrinsic  # type: ignore[untyped-decorator]
def dot(context: Any, a: Any, b: Any) -> _Generated:
    """Σ a·b."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        products = builder.fmul(*arguments, flags=_REORDER)
        element = products.type.element
        reduce = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(element, [element, products.type]),
            f"llvm.vector.reduce.fadd.v{a.count}f{a.dtype.bitwidth}",
        )
        return builder.call(reduce, [ir.Constant(element, -0.0), products], fastmath=_REORDER)

    return a.dtype(a, b), generate


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(context: Any, array: Any, index: Any) -> _Generated:
    """Ask for the cache line of array[index], which may lie outside: nothing is read."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.bitcast(_element(context, builder, array, arguments), cgutils.voidptr_t)
        flag = ir.IntType(32)
        touch = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [pointer.type, flag, flag, flag]),
            "llvm.prefetch.p0",
        )
        for_reading, into_every_cache, data = flag(0), flag(3), flag(1)
        builder.call(touch, [pointer, for_reading, into_every_cache, data])
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


def _element(context: Any, builder: Any, array: Any, arguments: Any) -> Any:
    """The address of arguments[0][arguments[1]], without a check of bounds."""
    data = context.make_array(array)(context, builder, arguments[0]).data
    return builder.gep(data, [arguments[1]])


def _scaled(builder: Any, factor: Any, lanes: Any) -> Any:
    """Product: factor · lanes."""
    undefined = ir.Constant(lanes.type, ir.Undefined)
    first = builder.insert_element(undefined, factor, ir.Constant(ir.IntType(32), 0))
    everywhere = ir.Constant(ir.VectorType(ir.IntType(32), lanes.type.count), None)
    factors = builder.shuffle_vector(first, undefined, everywhere)
    return builder.fmul(factors, lanes, flags=_REORDER)
