"""Several numbers as one value of numba's: all of them are loaded, multiplied and added at once.

LLVM breaks such a value up into the widest registers that the processor has, and numba's own loops would first have
to prove, at each turn, that no two arrays overlap. `+`, `-` and `*` take Lanes, or a number for all of them.
"""

from __future__ import annotations

import operator
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models, register_default
from numba.extending import intrinsic, overload

VERSION = zlib.crc32(Path(__file__).read_bytes())
"""Changes with this file. numba's cache sees a kernel's own file alone, so a kernel should depend on this."""
LOOSE = ("contract", "nsz")
"""Arithmetic may round a·b + c once, and lose the sign of a zero, so that 0 + x is x."""
Generated = tuple[Any, Callable[..., Any]]
_ELEMENTS = {types.float32: ir.FloatType(), types.float64: ir.DoubleType(), types.int64: ir.IntType(64)}


class Lanes(types.Type):  # type: ignore[misc]
    """The type of `count` numbers of a `dtype`: float32, float64 or int64."""

    def __init__(self, dtype: types.Number, count: int) -> None:
        self.dtype, self.count = dtype, count
        super().__init__(name=f"Lanes({dtype}, {count})")


@register_default(Lanes)
class _LanesModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, lanes: Lanes) -> None:
        super().__init__(manager, lanes, ir.VectorType(_ELEMENTS[lanes.dtype], lanes.count))


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def load(context: Any, array: Any, start: Any, count: Any) -> Generated:
    """The `count` elements of the contiguous `array` from `start`."""
    lanes = Lanes(array.dtype, count.literal_value)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return read(builder, element(context, builder, array, arguments), context.get_value_type(lanes))

    return lanes(array, types.intp, count), generate


@intrinsic  # type: ignore[untyped-decorator]
def store(context: Any, array: Any, start: Any, lanes: Any) -> Generated:
    """array[start:] = lanes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        write(builder, element(context, builder, array, arguments), arguments[2])
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), generate


@intrinsic(prefer_literal=True)  # type: ignore[untyped-decorator]
def zeros(context: Any, array: Any, count: Any) -> Generated:
    """`count` zeros of `array`'s dtype."""
    lanes = Lanes(array.dtype, count.literal_value)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return ir.Constant(context.get_value_type(lanes), None)

    return lanes(array, count), generate


@intrinsic  # type: ignore[untyped-decorator]
def _fill(context: Any, number: Any, like: Any) -> Generated:
    """Lanes that are all `number`, of the type of `like`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return splat(builder, context.cast(builder, arguments[0], number, like.dtype), like.count)

    return like(number, like), generate


def _define(symbol: Callable[[Any, Any], Any], of_floats: str, of_integers: str) -> None:
    @intrinsic  # type: ignore[untyped-decorator]
    def combine(context: Any, a: Any, b: Any) -> Generated:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            if isinstance(a.dtype, types.Float):
                return getattr(builder, of_floats)(*arguments, flags=LOOSE)
            return getattr(builder, of_integers)(*arguments)

        return a(a, b), generate

    @overload(symbol, strict=False)  # type: ignore[untyped-decorator]
    def choose(a: Any, b: Any) -> Callable[[Any, Any], Any] | None:
        if isinstance(a, Lanes) and isinstance(b, Lanes):
            return lambda a, b: combine(a, b)
        if isinstance(a, Lanes) and isinstance(b, types.Number):
            return lambda a, b: combine(a, _fill(b, a))
        if isinstance(a, types.Number) and isinstance(b, Lanes):
            return lambda a, b: combine(_fill(a, b), b)
        return None


_define(operator.add, "fadd", "add")
_define(operator.sub, "fsub", "sub")
_define(operator.mul, "fmul", "mul")


@intrinsic  # type: ignore[untyped-decorator]
def _clamp(context: Any, lanes: Any, low: Any, high: Any) -> Generated:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        x, low, high = arguments
        x = builder.select(builder.fcmp_ordered("<", x, low), low, x)
        return builder.select(builder.fcmp_ordered(">", x, high), high, x)

    return lanes(lanes, low, high), generate


def clamp(lanes: Any, low: Any, high: Any) -> Any:
    """`lanes`, those below `low` and above `high` moved there; NaN stays NaN."""


@overload(clamp, strict=False)  # type: ignore[untyped-decorator]
def _clamp_to_numbers(lanes: Any, low: Any, high: Any) -> Callable[..., Any]:
    return lambda lanes, low, high: _clamp(lanes, _fill(low, lanes), _fill(high, lanes))


@intrinsic  # type: ignore[untyped-decorator]
def floor(context: Any, lanes: Any) -> Generated:
    """The whole numbers next below, still floating."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        function = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(arguments[0].type, [arguments[0].type]),
            f"llvm.floor.v{lanes.count}f{lanes.dtype.bitwidth}",
        )
        return builder.call(function, arguments)

    return lanes(lanes), generate


@intrinsic  # type: ignore[untyped-decorator]
def whole(context: Any, lanes: Any) -> Generated:
    """Whole numbers as int64, which they fit; NaN becomes 0."""
    integers = Lanes(types.int64, lanes.count)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        (x,) = arguments
        x = builder.select(builder.fcmp_ordered("ord", x, x), x, ir.Constant(x.type, None))
        return builder.fptosi(x, context.get_value_type(integers))

    return integers(lanes), generate


@intrinsic  # type: ignore[untyped-decorator]
def evens(context: Any, lanes: Any) -> Generated:
    """Lanes 0, 2, 4 and so on."""
    return _every_second(lanes, 0)


@intrinsic  # type: ignore[untyped-decorator]
def odds(context: Any, lanes: Any) -> Generated:
    """Lanes 1, 3, 5 and so on."""
    return _every_second(lanes, 1)


def _every_second(lanes: Lanes, first: int) -> Generated:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return shuffle(builder, arguments[0], arguments[0], range(first, lanes.count, 2))

    return Lanes(lanes.dtype, lanes.count // 2)(lanes), generate


@intrinsic  # type: ignore[untyped-decorator]
def interleave(context: Any, a: Any, b: Any) -> Generated:
    """Lanes a0, b0, a1, b1 and so on."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        first, second = arguments
        pairs = (i + lane for i in range(a.count) for lane in (0, a.count))
        return shuffle(builder, first, second, pairs)

    return Lanes(a.dtype, 2 * a.count)(a, b), generate


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(context: Any, array: Any, index: Any) -> Generated:
    """Ask for the cache line of array[index], which may lie outside: nothing is read."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.bitcast(element(context, builder, array, arguments), cgutils.voidptr_t)
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


def element(context: Any, builder: Any, array: Any, arguments: Any) -> Any:
    """The address of arguments[0][arguments[1]], without a check of bounds."""
    data = context.make_array(array)(context, builder, arguments[0]).data
    return builder.gep(data, [arguments[1]])


def read(builder: Any, pointer: Any, vector: ir.VectorType) -> Any:
    """The lanes from a pointer to an element."""
    return builder.load(builder.bitcast(pointer, vector.as_pointer()), align=_bytes(vector))


def write(builder: Any, pointer: Any, lanes: Any) -> None:
    """Puts lanes where a pointer to an element points."""
    builder.store(lanes, builder.bitcast(pointer, lanes.type.as_pointer()), align=_bytes(lanes.type))


def splat(builder: Any, number: Any, count: int) -> Any:
    """`count` lanes that are all `number`."""
    undefined = ir.Constant(ir.VectorType(number.type, count), ir.Undefined)
    first = builder.insert_element(undefined, number, ir.Constant(ir.IntType(32), 0))
    return shuffle(builder, first, first, [0] * count)


def shuffle(builder: Any, a: Any, b: Any, lanes: Iterable[int]) -> Any:
    """The chosen lanes of a and, counting on, of b."""
    chosen = list(lanes)
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(ir.IntType(32), len(chosen)), chosen))


def _bytes(vector: ir.VectorType) -> int:
    return 4 if vector.element == ir.FloatType() else 8
