"""The operators of the language: logic, equality, order, arithmetic, index and membership.

    a && b, a || b, !a          bool; && and || absorb errors of one side where the other side decides
    c ? a : b                   only the chosen branch is evaluated
    a == b, a != b              any two values; numbers of different types by value
    a < b, <=, >, >=            bool, numbers (across their types), string, bytes, timestamp, duration
    a + b                       numbers, string, bytes, list, duration + duration, timestamp + duration (either order)
    a - b                       numbers, durations, timestamp - duration, timestamp - timestamp
    a * b, a / b, a % b, -a     numbers of one type; % takes no double, - no uint
    list[i], map[k]             an index out of bounds or a missing key is an error
    x in list, k in map         membership by equality

    1 < 1.5                     // true
    7 / -2                      // -3, as in C; 1 / 0 is the error `division by zero`
    [1] + [2, 3]                // [1, 2, 3]

Integers are 64 bits wide: leaving that range is `integer overflow` or `unsigned integer overflow`. NaN has no order:
comparing it is an error. Cost: 1; strings and bytes a tenth of what is walked, `in list` the length of the list. `&&`,
`||`, `?:` and `@not_strictly_false` have declarations only: the evaluators know them. Source: cel-go
common/stdlib/standard.go.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence

from admission.cel import types
from admission.cel.function import CostFunction, Function, Implementation, Library, Overload
from admission.cel.sizes import affordable, size_of, string_cost
from admission.cel.times import between, shift
from admission.cel.types import Type
from admission.cel.values import (
    MISSING,
    CelError,
    ConcatList,
    Duration,
    Timestamp,
    Uint,
    Value,
    check_int,
    check_uint,
    equal,
    find,
    same,
)

_INT, _UINT, _DOUBLE = types.INT, types.UINT, types.DOUBLE


def _not_called(*_: Value) -> Value:
    raise CelError("no such overload")


def _not_equal(a: Value, b: Value) -> bool:
    return not same(a, b)


# -- arithmetic


def _add_int(a: int, b: int) -> int:
    return check_int(a + b)


def _add_uint(a: int, b: int) -> Uint:
    return check_uint(a + b)


def _add_list(a: Value, b: Value) -> Value:
    if not len(a):
        return b
    return ConcatList(a, b) if len(b) else a


def _add_durations(a: Duration, b: Duration) -> Duration:
    return Duration(check_int(a.nanos + b.nanos))


def _later(a: Timestamp, b: Duration) -> Timestamp:
    return shift(a, b.nanos)


def _later_too(a: Duration, b: Timestamp) -> Timestamp:
    return shift(b, a.nanos)


def _subtract_int(a: int, b: int) -> int:
    return check_int(a - b)


def _subtract_uint(a: int, b: int) -> Uint:
    return check_uint(a - b)


def _subtract_durations(a: Duration, b: Duration) -> Duration:
    return Duration(check_int(a.nanos - b.nanos))


def _earlier(a: Timestamp, b: Duration) -> Timestamp:
    return shift(a, check_int(-b.nanos))


def _multiply_int(a: int, b: int) -> int:
    return check_int(a * b)


def _multiply_uint(a: int, b: int) -> Uint:
    return check_uint(a * b)


def _divide_int(a: int, b: int) -> int:
    if b == 0:
        raise CelError("division by zero")
    return check_int(a // b if (a < 0) == (b < 0) else -(-a // b))


def _divide_uint(a: int, b: int) -> Uint:
    if b == 0:
        raise CelError("division by zero")
    return Uint(a // b)


def _divide_double(a: float, b: float) -> float:
    if b != 0.0:
        return a / b
    if a == 0.0 or math.isnan(a):
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def _modulo_int(a: int, b: int) -> int:
    if b == 0:
        raise CelError("modulus by zero")
    if b == -1:
        check_int(-a)  # the quotient must be an int, too
    rest = abs(a) % abs(b)
    return -rest if a < 0 else rest


def _modulo_uint(a: int, b: int) -> Uint:
    if b == 0:
        raise CelError("modulus by zero")
    return Uint(a % b)


def _negate_int(a: int) -> int:
    return check_int(-a)


def _negate_duration(a: Duration) -> Duration:
    return Duration(check_int(-a.nanos))


# -- order

Test = Callable[[Value, Value], bool]


def _of_numbers(test: Test) -> Test:
    """Compare where one side is a double: the other becomes one, and NaN has no order."""

    def compare(a: float, b: float) -> bool:
        a, b = float(a), float(b)
        if math.isnan(a) or math.isnan(b):
            raise CelError("NaN values cannot be ordered")
        return test(a, b)

    return compare


def _with_anything(a: float, _: Value) -> bool:
    raise CelError("NaN values cannot be ordered" if math.isnan(a) else "no such overload")


def _of_times(test: Test) -> Test:
    def compare(a: Duration | Timestamp, b: Duration | Timestamp) -> bool:
        return test(a.nanos, b.nanos)

    return compare


def _ordering(symbol: str, name: str, test: Test) -> Function:
    numbers, times = _of_numbers(test), _of_times(test)
    table: tuple[tuple[str, Type, Type, Implementation, CostFunction | None], ...] = (
        ("bool", types.BOOL, types.BOOL, test, None),
        ("int64", _INT, _INT, test, None),
        ("int64_double", _INT, _DOUBLE, numbers, None),
        ("int64_uint64", _INT, _UINT, test, None),
        ("uint64", _UINT, _UINT, test, None),
        ("uint64_double", _UINT, _DOUBLE, numbers, None),
        ("uint64_int64", _UINT, _INT, test, None),
        ("double", _DOUBLE, _DOUBLE, numbers, None),
        ("double_int64", _DOUBLE, _INT, numbers, None),
        ("double_uint64", _DOUBLE, _UINT, numbers, None),
        ("string", types.STRING, types.STRING, test, _shorter_cost),
        ("bytes", types.BYTES, types.BYTES, test, _shorter_cost),
        ("timestamp", types.TIMESTAMP, types.TIMESTAMP, times, None),
        ("duration", types.DURATION, types.DURATION, times, None),
    )
    return Function(
        symbol,
        tuple(Overload(f"{name}_{id_}", (a, b), types.BOOL, call, cost=cost) for id_, a, b, call, cost in table),
        undeclared=(Overload(f"{name}_double_dyn", (_DOUBLE, types.DYN), types.BOOL, _with_anything),),
    )


# -- index and membership


def _at_index(elements: Value, index: int) -> Value:
    if 0 <= index < len(elements):
        return elements[index]
    raise CelError(f"index out of bounds: {index}")


def _at_key(mapping: Value, key: Value) -> Value:
    value = find(mapping, key)
    if value is MISSING:
        raise CelError(f"no such key: {key}")
    return value


def _in_list(wanted: Value, elements: Value) -> bool:
    affordable(len(elements))
    return any(same(wanted, element) for element in elements)


def _in_map(key: Value, mapping: Value) -> bool:
    return find(mapping, key) is not MISSING


# -- cost


def _shorter_cost(args: Sequence[Value], _: Value) -> int:
    return string_cost(min(size_of(args[0]), size_of(args[1])))


def _both_cost(args: Sequence[Value], _: Value) -> int:
    return string_cost(len(args[0]) + len(args[1]))


def _list_cost(args: Sequence[Value], _: Value) -> int:
    return len(args[1])


def _binary(id_: str, kind: Type, implementation: Implementation, cost: CostFunction | None = None) -> Overload:
    return Overload(id_, (kind, kind), kind, implementation, cost=cost)


_MEMBERSHIP = (
    Overload("in_list", (types.A, types.LIST_A), types.BOOL, _in_list, cost=_list_cost),
    Overload("in_map", (types.A, types.MAP_AB), types.BOOL, _in_map),
)
_BOOLS = (types.BOOL, types.BOOL)
_DURATION, _TIMESTAMP = types.DURATION, types.TIMESTAMP

LIBRARY = Library(
    "standard.operators",
    priced_by_name=False,
    functions=(
        Function("_?_:_", (Overload("conditional", (types.BOOL, types.A, types.A), types.A, _not_called),)),
        Function("_&&_", (Overload("logical_and", _BOOLS, types.BOOL, _not_called),)),
        Function("_||_", (Overload("logical_or", _BOOLS, types.BOOL, _not_called),)),
        Function("!_", (Overload("logical_not", (types.BOOL,), types.BOOL, operator.not_),)),
        Function(
            "@not_strictly_false",
            (Overload("not_strictly_false", (types.BOOL,), types.BOOL, _not_called),),
        ),
        Function("_==_", (Overload("equals", (types.A, types.A), types.BOOL, equal, cost=_shorter_cost),)),
        Function("_!=_", (Overload("not_equals", (types.A, types.A), types.BOOL, _not_equal, cost=_shorter_cost),)),
        Function(
            "_+_",
            (
                _binary("add_bytes", types.BYTES, operator.add, _both_cost),
                _binary("add_double", _DOUBLE, operator.add),
                _binary("add_duration_duration", _DURATION, _add_durations),
                Overload("add_duration_timestamp", (_DURATION, _TIMESTAMP), _TIMESTAMP, _later_too),
                Overload("add_timestamp_duration", (_TIMESTAMP, _DURATION), _TIMESTAMP, _later),
                _binary("add_int64", _INT, _add_int),
                _binary("add_list", types.LIST_A, _add_list),
                _binary("add_string", types.STRING, operator.add, _both_cost),
                _binary("add_uint64", _UINT, _add_uint),
            ),
        ),
        Function(
            "_/_",
            (
                _binary("divide_double", _DOUBLE, _divide_double),
                _binary("divide_int64", _INT, _divide_int),
                _binary("divide_uint64", _UINT, _divide_uint),
            ),
        ),
        Function("_%_", (_binary("modulo_int64", _INT, _modulo_int), _binary("modulo_uint64", _UINT, _modulo_uint))),
        Function(
            "_*_",
            (
                _binary("multiply_double", _DOUBLE, operator.mul),
                _binary("multiply_int64", _INT, _multiply_int),
                _binary("multiply_uint64", _UINT, _multiply_uint),
            ),
        ),
        Function(
            "-_",
            (
                Overload("negate_double", (_DOUBLE,), _DOUBLE, operator.neg),
                Overload("negate_int64", (_INT,), _INT, _negate_int),
            ),
            undeclared=(Overload("negate_duration", (_DURATION,), _DURATION, _negate_duration),),
        ),
        Function(
            "_-_",
            (
                _binary("subtract_double", _DOUBLE, operator.sub),
                _binary("subtract_duration_duration", _DURATION, _subtract_durations),
                _binary("subtract_int64", _INT, _subtract_int),
                Overload("subtract_timestamp_duration", (_TIMESTAMP, _DURATION), _TIMESTAMP, _earlier),
                Overload("subtract_timestamp_timestamp", (_TIMESTAMP, _TIMESTAMP), _DURATION, between),
                _binary("subtract_uint64", _UINT, _subtract_uint),
            ),
        ),
        _ordering("_<_", "less", operator.lt),
        _ordering("_<=_", "less_equals", operator.le),
        _ordering("_>_", "greater", operator.gt),
        _ordering("_>=_", "greater_equals", operator.ge),
        Function(
            "_[_]",
            (
                Overload("index_list", (types.LIST_A, _INT), types.A, _at_index),
                Overload("index_map", (types.MAP_AB, types.A), types.B, _at_key),
            ),
        ),
        Function("@in", _MEMBERSHIP),
    ),
)
