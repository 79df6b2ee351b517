"""The well-known protobuf messages that CEL can construct without protobuf: wrappers, Struct, Value, times.

`google.protobuf.Int32Value{value: 1}` is the int 1, `google.protobuf.Struct{fields: {...}}` is a map. Source: cel-go
common/types/types.go (checkedWellKnowns) and the protobuf definitions of these messages.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TypeAlias

from admission.cel import types
from admission.cel.types import Type
from admission.cel.values import (
    INT_MAX,
    INT_MIN,
    NANOS,
    UINT_MAX,
    CelError,
    Duration,
    Timestamp,
    Uint,
    Value,
    check_int,
)

Builder: TypeAlias = Callable[[dict[str, Value]], Value]

_INT32 = (-(2**31), 2**31 - 1)

WELL_KNOWN: dict[str, Type] = {
    "google.protobuf.BoolValue": types.wrapper(types.BOOL),
    "google.protobuf.BytesValue": types.wrapper(types.BYTES),
    "google.protobuf.DoubleValue": types.wrapper(types.DOUBLE),
    "google.protobuf.FloatValue": types.wrapper(types.DOUBLE),
    "google.protobuf.Int64Value": types.wrapper(types.INT),
    "google.protobuf.Int32Value": types.wrapper(types.INT),
    "google.protobuf.UInt64Value": types.wrapper(types.UINT),
    "google.protobuf.UInt32Value": types.wrapper(types.UINT),
    "google.protobuf.StringValue": types.wrapper(types.STRING),
    "google.protobuf.Any": types.ANY,
    "google.protobuf.Duration": types.DURATION,
    "google.protobuf.Timestamp": types.TIMESTAMP,
    "google.protobuf.ListValue": types.LIST_DYN,
    "google.protobuf.Struct": types.map_of(types.STRING, types.DYN),
    "google.protobuf.Value": types.DYN,
}

FIELDS: dict[str, dict[str, Type]] = {
    **{name: {"value": kind.params[0]} for name, kind in WELL_KNOWN.items() if kind.kind is types.Kind.WRAPPER},
    "google.protobuf.Duration": {"seconds": types.INT, "nanos": types.INT},
    "google.protobuf.Timestamp": {"seconds": types.INT, "nanos": types.INT},
    "google.protobuf.ListValue": {"values": types.LIST_DYN},
    "google.protobuf.Struct": {"fields": types.map_of(types.STRING, types.DYN)},
    "google.protobuf.Value": {
        "null_value": types.INT,  # an enum
        "number_value": types.DOUBLE,
        "string_value": types.STRING,
        "bool_value": types.BOOL,
        "struct_value": types.map_of(types.STRING, types.DYN),
        "list_value": types.LIST_DYN,
    },
    "google.protobuf.Any": {"type_url": types.STRING, "value": types.BYTES},
    "google.protobuf.Empty": {},
}


# values of enums: the identifier is the number
ENUM_VALUES: dict[str, int] = {"google.protobuf.NullValue.NULL_VALUE": 0}


def _ranged(low: int, high: int, zero: Value) -> Builder:
    def build(fields: dict[str, Value]) -> Value:
        value: Value = fields.get("value", zero)
        if not low <= value <= high:
            raise CelError("range error" if type(value) is int else "unsigned integer overflow")
        return value

    return build


def _defaulting(zero: Value) -> Builder:
    return lambda fields: fields.get("value", zero)


def _float(fields: dict[str, Value]) -> Value:
    narrow: float = struct.unpack("f", struct.pack("f", fields.get("value", 0.0)))[0]
    return narrow


def _duration(fields: dict[str, Value]) -> Value:
    return Duration(check_int(fields.get("seconds", 0) * NANOS + fields.get("nanos", 0)))


def _timestamp(fields: dict[str, Value]) -> Value:
    return Timestamp(fields.get("seconds", 0) * NANOS + fields.get("nanos", 0))


def _value(fields: dict[str, Value]) -> Value:
    return None if "null_value" in fields else next(iter(fields.values()), None)


def _any(fields: dict[str, Value]) -> Value:
    raise CelError(f"conversion error: unknown message type {fields.get('type_url', '')!r}")


BUILDERS: dict[str, Builder] = {
    "google.protobuf.BoolValue": _defaulting(zero=False),
    "google.protobuf.BytesValue": _defaulting(b""),
    "google.protobuf.DoubleValue": _defaulting(0.0),
    "google.protobuf.FloatValue": _float,
    "google.protobuf.Int64Value": _ranged(INT_MIN, INT_MAX, 0),
    "google.protobuf.Int32Value": _ranged(*_INT32, 0),
    "google.protobuf.UInt64Value": _ranged(0, UINT_MAX, Uint(0)),
    "google.protobuf.UInt32Value": _ranged(0, 2**32 - 1, Uint(0)),
    "google.protobuf.StringValue": _defaulting(""),
    "google.protobuf.Duration": _duration,
    "google.protobuf.Timestamp": _timestamp,
    "google.protobuf.ListValue": lambda fields: fields.get("values", []),
    "google.protobuf.Struct": lambda fields: fields.get("fields", {}),
    "google.protobuf.Value": _value,
    "google.protobuf.Any": _any,
}
