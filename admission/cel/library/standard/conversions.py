"""Conversions between types, by the name of the type that is wanted.

    bool(string)                         '1', 't', 'T', 'true', 'TRUE', 'True' and their opposites
    bytes(string)                        the UTF-8 bytes
    double(int | uint | string)
    duration(string)                     '1h30m', '2.5s', '-100ms'; units ns us ms s m h
    dyn(x)                               x, without its static type
    int(uint | double | string | duration | timestamp)   doubles are cut off; a duration in nanoseconds, a timestamp in
                                         seconds since 1970
    string(bool | bytes | int | uint | double | duration | timestamp)
    timestamp(string | int)              RFC 3339, or seconds since 1970
    type(x)                              the type as a value: type(1) == int
    uint(int | double | string)

    int('12') + int(3.9)                 // 15
    string(duration('90m'))              // '5400s'
    string(1000000.0)                    // '1e+06'
    timestamp('2024-02-30T00:00:00Z')    // error: type conversion error from 'string' to 'google.protobuf.Timestamp'

Each type also converts to itself. Numbers that do not fit are `integer overflow` or `unsigned integer overflow`. A
conversion of a constant is done when the program is made: its error refuses the expression. Cost: 1; string(bytes) and
bytes(string) a tenth of the length. Source: cel-go common/stdlib/standard.go, common/types (ConvertToType).
"""

from __future__ import annotations

import math

from admission.cel import types
from admission.cel.function import CostFunction, Function, Implementation, Library, Overload
from admission.cel.numerals import format_positional, format_shortest, parse_double, parse_integer
from admission.cel.sizes import first_string_cost
from admission.cel.times import (
    FIRST_SECOND,
    LAST_SECOND,
    format_timestamp,
    parse_duration,
    read_timestamp,
    total_seconds,
)
from admission.cel.types import Type
from admission.cel.values import (
    INT_MAX,
    INT_MIN,
    NANOS,
    UINT_MAX,
    CelError,
    Duration,
    ObjectValue,
    PatchValue,
    Timestamp,
    Uint,
    Value,
    check_int,
    check_uint,
    type_of,
)

_BOOLS = dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True) | dict.fromkeys(
    ("0", "f", "F", "false", "FALSE", "False"), False
)
_INT_BOUND, _UINT_BOUND = float(2**63), float(2**64)


def _same(value: Value) -> Value:
    return value


def _type(value: Value) -> Type:
    return types.TYPE if isinstance(value, ObjectValue | PatchValue) else type_of(value)


def _failed(source: Type, target: Type) -> CelError:
    return CelError(f"type conversion error from '{source.name}' to '{target.name}'")


def _string_to_bool(text: str) -> bool:
    try:
        return _BOOLS[text]
    except KeyError:
        raise _failed(types.STRING, types.BOOL) from None


def _string_to_bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _string_to_double(text: str) -> float:
    value = parse_double(text)
    if value is None:
        raise _failed(types.STRING, types.DOUBLE)
    return value


def _int_to_duration(_: int) -> Duration:
    raise _failed(types.INT, types.DURATION)


def _string_to_duration(text: str) -> Duration:
    return Duration(parse_duration(text))


def _double_to_int(value: float) -> int:
    if not -_INT_BOUND < value < _INT_BOUND:
        raise CelError("integer overflow")
    return math.trunc(value)


def _duration_to_int(value: Duration) -> int:
    return value.nanos


def _string_to_int(text: str) -> int:
    value = parse_integer(text, INT_MIN, INT_MAX)
    if value is None:
        raise _failed(types.STRING, types.INT)
    return value


def _timestamp_to_int(value: Timestamp) -> int:
    return value.nanos // NANOS


def _uint_to_int(value: Uint) -> int:
    return check_int(int(value))


def _bool_to_string(value: bool) -> str:
    return "true" if value else "false"


def _bytes_to_string(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise CelError("invalid UTF-8 in bytes, cannot convert to string") from None


def _duration_to_string(value: Duration) -> str:
    return f"{format_positional(total_seconds(value.nanos))}s"


def _integer_to_string(value: int) -> str:
    return str(int(value))


def _timestamp_to_string(value: Timestamp) -> str:
    return format_timestamp(value.nanos, value.offset)


def _int_to_timestamp(value: int) -> Timestamp:
    if not FIRST_SECOND <= value <= LAST_SECOND:
        raise CelError("timestamp overflow")
    return Timestamp(value * NANOS)


def _double_to_uint(value: float) -> Uint:
    if not 0.0 <= value < _UINT_BOUND:
        raise CelError("unsigned integer overflow")
    return Uint(value)


def _string_to_uint(text: str) -> Uint:
    value = parse_integer(text, 0, UINT_MAX, signed=False)
    if value is None:
        raise _failed(types.STRING, types.UINT)
    return Uint(value)


def _to(
    target: Type, *sources: tuple[str, Type, Implementation] | tuple[str, Type, Implementation, CostFunction]
) -> tuple[Overload, ...]:
    return tuple(
        Overload(id_, (source,), target, implementation, cost=cost[0] if cost else None)
        for id_, source, implementation, *cost in sources
    )


LIBRARY = Library(
    "standard.conversions",
    priced_by_name=False,
    functions=(
        Function("type", (Overload("type", (types.A,), types.type_of_type(types.A), _type),)),
        Function(
            "bool",
            _to(
                types.BOOL,
                ("bool_to_bool", types.BOOL, _same),
                ("string_to_bool", types.STRING, _string_to_bool),
            ),
        ),
        Function(
            "bytes",
            _to(
                types.BYTES,
                ("bytes_to_bytes", types.BYTES, _same),
                ("string_to_bytes", types.STRING, _string_to_bytes, first_string_cost),
            ),
        ),
        Function(
            "double",
            _to(
                types.DOUBLE,
                ("double_to_double", types.DOUBLE, _same),
                ("int64_to_double", types.INT, float),
                ("string_to_double", types.STRING, _string_to_double),
                ("uint64_to_double", types.UINT, float),
            ),
        ),
        Function(
            "duration",
            _to(
                types.DURATION,
                ("duration_to_duration", types.DURATION, _same),
                ("int64_to_duration", types.INT, _int_to_duration),
                ("string_to_duration", types.STRING, _string_to_duration),
            ),
        ),
        Function("dyn", (Overload("to_dyn", (types.A,), types.DYN, _same),)),
        Function(
            "int",
            _to(
                types.INT,
                ("int64_to_int64", types.INT, _same),
                ("double_to_int64", types.DOUBLE, _double_to_int),
                ("duration_to_int64", types.DURATION, _duration_to_int),
                ("string_to_int64", types.STRING, _string_to_int),
                ("timestamp_to_int64", types.TIMESTAMP, _timestamp_to_int),
                ("uint64_to_int64", types.UINT, _uint_to_int),
            ),
        ),
        Function(
            "string",
            _to(
                types.STRING,
                ("string_to_string", types.STRING, _same),
                ("bool_to_string", types.BOOL, _bool_to_string),
                ("bytes_to_string", types.BYTES, _bytes_to_string, first_string_cost),
                ("double_to_string", types.DOUBLE, format_shortest),
                ("duration_to_string", types.DURATION, _duration_to_string),
                ("int64_to_string", types.INT, _integer_to_string),
                ("timestamp_to_string", types.TIMESTAMP, _timestamp_to_string),
                ("uint64_to_string", types.UINT, _integer_to_string),
            ),
        ),
        Function(
            "timestamp",
            _to(
                types.TIMESTAMP,
                ("timestamp_to_timestamp", types.TIMESTAMP, _same),
                ("int64_to_timestamp", types.INT, _int_to_timestamp),
                ("string_to_timestamp", types.STRING, read_timestamp),
            ),
        ),
        Function(
            "uint",
            _to(
                types.UINT,
                ("uint64_to_uint64", types.UINT, _same),
                ("double_to_uint64", types.DOUBLE, _double_to_uint),
                ("int64_to_uint64", types.INT, check_uint),
                ("string_to_uint64", types.STRING, _string_to_uint),
            ),
        ),
    ),
)
