"""The well-known protobuf messages that CEL can construct without protobuf: wrappers, Struct, Value, times.

`google.protobuf.Int32Value{value: 1}` is the int 1, `google.protobuf.Struct{fields: {...}}` is a map. Source: cel-go
common/types/types.go (checkedWellKnowns) and the protobuf definitions of these messages.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from admission.cel import types
from admission.cel.protojson import json_value, scalar
from admission.cel.types import Type
from admission.cel.values import (
    INT_MAX,
    INT_MIN,
    LIST_CLASSES,
    MAP_CLASSES,
    NANOS,
    CelError,
    Duration,
    Timestamp,
    Uint,
    Value,
    type_of,
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


_GO_TYPES = {bool: "bool", bytes: "[]uint8", float: "float64", int: "int64", str: "string", Uint: "uint64"}


def _fault(message: str, field: str, error: CelError | str) -> CelError:
    return CelError(f"field type conversion error for google.protobuf.{message}.{field} value type: {error}")


def _scalar(message: str, fields: dict[str, Value], field: str, zero: Value, go_type: str = "") -> Value:
    """Return a field of the class of its zero value."""
    if field not in fields:
        return zero
    try:
        return scalar(fields[field], type(zero), go_type or _GO_TYPES[type(zero)])
    except CelError as error:
        raise _fault(message, field, error) from None


def _wrapper(message: str, zero: Value) -> Builder:
    return lambda fields: _scalar(message, fields, "value", zero)


def _ranged(message: str, low: int, high: int, zero: Value) -> Builder:
    go_type = "int32" if type(zero) is int else "uint32"
    overflow = "integer overflow" if type(zero) is int else "unsigned integer overflow"

    def build(fields: dict[str, Value]) -> Value:
        value = _scalar(message, fields, "value", zero, go_type)
        if not low <= value <= high:
            raise _fault(message, "value", overflow)
        return value

    return build


def _float(fields: dict[str, Value]) -> Value:
    value = _scalar("FloatValue", fields, "value", 0.0, "float32")
    try:
        narrow: float = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
    return narrow


def _seconds_and_nanos(message: str, fields: dict[str, Value]) -> int:
    seconds, nanos = _scalar(message, fields, "seconds", 0), _scalar(message, fields, "nanos", 0, "int32")
    if not _INT32[0] <= nanos <= _INT32[1]:
        raise _fault(message, "nanos", "integer overflow")
    return int(seconds * NANOS + nanos)


def _duration(fields: dict[str, Value]) -> Value:
    return Duration(min(max(_seconds_and_nanos("Duration", fields), INT_MIN), INT_MAX))


def _timestamp(fields: dict[str, Value]) -> Value:
    return Timestamp(_seconds_and_nanos("Timestamp", fields))


def _json(message: str, field: str, classes: tuple[type, ...], fields: dict[str, Value]) -> Value:
    if field not in fields:
        return classes[0]()
    value = fields[field]
    if type(value) not in classes:
        raise CelError(f"unsupported field type for google.protobuf.{message}.{field}: {type_of(value).full_name}")
    try:
        return json_value(value)
    except CelError as error:
        raise _fault(message, field, error) from None


def _value(fields: dict[str, Value]) -> Value:
    """Return the one of the alternatives that was set last."""
    if not fields:
        return None
    name, value = list(fields.items())[-1]
    if name == "null_value":
        return None
    if name in ("struct_value", "list_value"):
        return json_value(value)
    zero = {"number_value": 0.0, "string_value": "", "bool_value": False}[name]
    return _scalar("Value", fields, name, zero)


def _any(fields: dict[str, Value]) -> Value:
    shown = f'type_url:"{fields["type_url"]}"' if fields.get("type_url") else ""
    raise CelError(f"unsupported conversion to ref.Val: (*dynamicpb.Message){shown}")


BUILDERS: dict[str, Builder] = {
    "google.protobuf.BoolValue": _wrapper("BoolValue", zero=False),
    "google.protobuf.BytesValue": _wrapper("BytesValue", b""),
    "google.protobuf.DoubleValue": _wrapper("DoubleValue", 0.0),
    "google.protobuf.FloatValue": _float,
    "google.protobuf.Int64Value": _wrapper("Int64Value", 0),
    "google.protobuf.Int32Value": _ranged("Int32Value", *_INT32, 0),
    "google.protobuf.UInt64Value": _wrapper("UInt64Value", Uint(0)),
    "google.protobuf.UInt32Value": _ranged("UInt32Value", 0, 2**32 - 1, Uint(0)),
    "google.protobuf.StringValue": _wrapper("StringValue", ""),
    "google.protobuf.Duration": _duration,
    "google.protobuf.Timestamp": _timestamp,
    "google.protobuf.ListValue": partial(_json, "ListValue", "values", LIST_CLASSES),
    "google.protobuf.Struct": partial(_json, "Struct", "fields", MAP_CLASSES),
    "google.protobuf.Value": _value,
    "google.protobuf.Any": _any,
}
