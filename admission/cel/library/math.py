"""Mathematics beyond the operators; the API server does not have it.

    math.greatest(x, ...) -> x, math.least(x, ...) -> x   of numbers, or of one list of numbers; macros
    math.ceil(double), math.floor(double), math.trunc(double) -> double
    math.round(double) -> double                  halves away from zero
    math.abs(x) -> x                              of int, uint or double
    math.sign(x) -> x                             -1, 0 or 1
    math.sqrt(x) -> double                        NaN of a negative number
    math.isNaN(double), math.isInf(double), math.isFinite(double) -> bool
    math.bitAnd(x, y), math.bitOr(x, y), math.bitXor(x, y), math.bitNot(x)   of int or uint
    math.bitShiftLeft(x, n), math.bitShiftRight(x, n)     without sign: 0 from 64 bits on

    math.greatest(1, 2u, 2.5)                     // 2.5
    math.round(-1.5)                              // -2.0
    math.bitShiftRight(-1, 60)                    // 15

Cost: 1. Source: cel-go ext/math.go.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

from admission.cel import types
from admission.cel.ast import Expr, Ident, ListExpr, Literal, MapExpr, StructExpr
from admission.cel.function import Function, Implementation, Library, Macro, MacroContext, MacroExpander, Overload
from admission.cel.macro import call, list_of
from admission.cel.ordering import compare
from admission.cel.sizes import walkable
from admission.cel.types import Type
from admission.cel.values import INT_MAX, UINT_MAX, CelError, Uint, Value, check_int, is_nan

_WIDTH = 64
_NUMBERS = (("double", types.DOUBLE), ("int", types.INT), ("uint", types.UINT))
_NUMBER_CLASSES = (int, Uint, float)


# -- math.least and math.greatest


def _pair(name: str, replaced_when: int) -> Callable[[Value, Value], Value]:
    def choose(first: Value, second: Value) -> Value:
        order = compare(first, second)
        if order is None:
            reason = "NaN values cannot be ordered" if is_nan(first) or is_nan(second) else "no such overload"
            raise CelError(f"{reason}: {name}")
        return second if order == replaced_when else first

    return choose


def _of_list(name: str, choose: Callable[[Value, Value], Value]) -> Callable[[Value], Value]:
    def extreme(elements: Value) -> Value:
        walkable(len(elements))
        if not len(elements):
            raise CelError(f"{name}(list) argument must not be empty")
        best = elements[0]
        try:
            for position, element in enumerate(elements):
                if position:
                    best = choose(best, element)
        except CelError:
            best = None
        if type(best) not in _NUMBER_CLASSES:
            raise CelError(f"no such overload: {name}")
        return best

    return extreme


def _same(value: Value) -> Value:
    return value


def _extreme(name: str, replaced_when: int) -> Function:
    choose = _pair(name, replaced_when)
    of_list = _of_list(name, choose)
    prefix = name.replace(".", "_")
    kinds = dict(_NUMBERS)
    mixed = (("int", "uint"), ("int", "double"), ("double", "int"), ("double", "uint"), ("uint", "int"))
    return Function(
        name,
        (
            *(Overload(f"{prefix}_{n}", (kind,), kind, _same) for n, kind in _NUMBERS),
            *(Overload(f"{prefix}_{n}_{n}", (kind, kind), kind, choose) for n, kind in _NUMBERS),
            *(
                Overload(f"{prefix}_{a}_{b}", (kinds[a], kinds[b]), types.DYN, choose)
                for a, b in (*mixed, ("uint", "double"))
            ),
            *(Overload(f"{prefix}_list_{n}", (types.list_of(kind),), kind, of_list) for n, kind in _NUMBERS),
        ),
    )


def _is_numeric(node: Expr) -> bool:
    """Whether an argument could be a number, as far as its form says."""
    if isinstance(node, Literal):
        return type(node.value) in _NUMBER_CLASSES
    return not isinstance(node, ListExpr | MapExpr | StructExpr)


def _is_numeric_list(node: Expr) -> bool:
    return isinstance(node, ListExpr) and bool(node.elements) and all(map(_is_numeric, node.elements))


def _expander(name: str, function: str) -> MacroExpander:
    def expand(context: MacroContext, target: Expr | None, args: list[Expr]) -> Expr | None:
        if not isinstance(target, Ident) or target.name != "math":
            return None
        if not args:
            raise context.fail(target, f"{name} requires at least one argument")
        if len(args) == 1:
            if not _is_numeric(args[0]) and not _is_numeric_list(args[0]):
                raise context.fail(args[0], f"{name} invalid single argument value")
            return call(context, function, args[0])
        for arg in args:
            if not _is_numeric(arg):
                raise context.fail(arg, f"{name} simple literal arguments must be numeric")
        return call(context, function, *args) if len(args) == 2 else call(context, function, list_of(context, *args))

    return expand


# -- rounding


def _whole(value: float, to_int: Callable[[float], int]) -> float:
    if not math.isfinite(value):
        return value
    return math.copysign(float(to_int(value)), value)


def _ceil(value: float) -> float:
    return _whole(value, math.ceil)


def _floor(value: float) -> float:
    return _whole(value, math.floor)


def _trunc(value: float) -> float:
    return _whole(value, math.trunc)


def _round(value: float) -> float:
    whole = _trunc(value)
    return whole + math.copysign(1.0, value) if abs(value - whole) >= 0.5 else whole


# -- signs and roots


def _abs_int(value: int) -> int:
    return check_int(abs(value))


def _sign_double(value: float) -> float:
    if math.isnan(value):
        return value
    return float((value > 0) - (value < 0))


def _sign_int(value: int) -> int:
    return (value > 0) - (value < 0)


def _sign_uint(value: Uint) -> Uint:
    return Uint(value > 0)


def _sqrt(value: float) -> float:
    return math.sqrt(value) if value >= 0 else math.nan


# -- bits


def _signed(value: int) -> int:
    value &= UINT_MAX
    return value - UINT_MAX - 1 if value > INT_MAX else value


def _bits_of_uints(combine: Callable[[int, int], int]) -> Callable[[Uint, Uint], Uint]:
    def combined(first: Uint, second: Uint) -> Uint:
        return Uint(combine(first, second))

    return combined


def _not_uint(value: Uint) -> Uint:
    return Uint(UINT_MAX ^ value)


def _left(value: int, bits: int) -> int:
    if bits < 0:
        raise CelError(f"math.bitShiftLeft() negative offset: {bits}")
    return (value << bits) & UINT_MAX if bits < _WIDTH else 0


def _right(value: int, bits: int) -> int:
    if bits < 0:
        raise CelError(f"math.bitShiftRight() negative offset: {bits}")
    return (value & UINT_MAX) >> bits if bits < _WIDTH else 0


def _left_int(value: int, bits: int) -> int:
    return _signed(_left(value, bits))


def _left_uint(value: Uint, bits: int) -> Uint:
    return Uint(_left(value, bits))


def _right_int(value: int, bits: int) -> int:
    return _signed(_right(value, bits))


def _right_uint(value: Uint, bits: int) -> Uint:
    return Uint(_right(value, bits))


# -- the table


def _of_double(name: str, result: Type, implementation: Implementation) -> Function:
    return Function(f"math.{name}", (Overload(f"math_{name}_double", (types.DOUBLE,), result, implementation),))


def _bitwise(name: str, combine: Callable[[int, int], int]) -> Function:
    return Function(
        f"math.{name}",
        (
            Overload(f"math_{name}_int_int", (types.INT, types.INT), types.INT, combine),
            Overload(f"math_{name}_uint_uint", (types.UINT, types.UINT), types.UINT, _bits_of_uints(combine)),
        ),
    )


def _shift(name: str, of_int: Implementation, of_uint: Implementation) -> Function:
    return Function(
        f"math.{name}",
        (
            Overload(f"math_{name}_int_int", (types.INT, types.INT), types.INT, of_int),
            Overload(f"math_{name}_uint_int", (types.UINT, types.INT), types.UINT, of_uint),
        ),
    )


LIBRARY = Library(
    "cel.lib.ext.math",
    functions=(
        _extreme("math.@min", 1),
        _extreme("math.@max", -1),
        _of_double("ceil", types.DOUBLE, _ceil),
        _of_double("floor", types.DOUBLE, _floor),
        _of_double("round", types.DOUBLE, _round),
        _of_double("trunc", types.DOUBLE, _trunc),
        _of_double("isInf", types.BOOL, math.isinf),
        _of_double("isNaN", types.BOOL, math.isnan),
        _of_double("isFinite", types.BOOL, math.isfinite),
        Function(
            "math.abs",
            (
                Overload("math_abs_double", (types.DOUBLE,), types.DOUBLE, math.fabs),
                Overload("math_abs_int", (types.INT,), types.INT, _abs_int),
                Overload("math_abs_uint", (types.UINT,), types.UINT, _same),
            ),
        ),
        Function(
            "math.sign",
            (
                Overload("math_sign_double", (types.DOUBLE,), types.DOUBLE, _sign_double),
                Overload("math_sign_int", (types.INT,), types.INT, _sign_int),
                Overload("math_sign_uint", (types.UINT,), types.UINT, _sign_uint),
            ),
        ),
        Function(
            "math.sqrt",
            tuple(Overload(f"math_sqrt_{name}", (kind,), types.DOUBLE, _sqrt) for name, kind in _NUMBERS),
        ),
        _bitwise("bitAnd", operator.and_),
        _bitwise("bitOr", operator.or_),
        _bitwise("bitXor", operator.xor),
        Function(
            "math.bitNot",
            (
                Overload("math_bitNot_int_int", (types.INT,), types.INT, operator.invert),
                Overload("math_bitNot_uint_uint", (types.UINT,), types.UINT, _not_uint),
            ),
        ),
        _shift("bitShiftLeft", _left_int, _left_uint),
        _shift("bitShiftRight", _right_int, _right_uint),
    ),
    macros=(
        Macro("least", True, None, _expander("math.least()", "math.@min")),
        Macro("greatest", True, None, _expander("math.greatest()", "math.@max")),
    ),
    environments=frozenset({"extended", "standard"}),
)
