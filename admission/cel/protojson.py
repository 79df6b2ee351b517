"""What protobuf makes of a value that is put into a message: fields of scalar type, and JSON for Value and its kin.

Sources: ConvertToNative of each type in cel-go common/types, msgSetField in common/types/pb and provider.go.
"""

from __future__ import annotations

import base64
from collections.abc import Callable

from admission.cel.numerals import format_positional
from admission.cel.times import format_timestamp, total_seconds
from admission.cel.types import Type
from admission.cel.values import (
    LIST_CLASSES,
    MAP_CLASSES,
    CelError,
    Duration,
    Opaque,
    Optional_,
    Timestamp,
    Uint,
    Value,
    items,
)

_EXACT = 2**53  # integers from here on are strings in JSON
_DEEPEST = 10_000  # protobuf's own limit of nesting

# how each type says that it is no Go value of the type asked for
_REFUSALS: dict[type, str] = {
    bool: "type conversion error from bool to '{}'",
    int: "unsupported type conversion from 'int' to {}",
    Uint: "unsupported type conversion from 'uint' to {}",
    float: "type conversion error from Double to '{}'",
    str: "unsupported native conversion from string to '{}'",
    bytes: "type conversion error from Bytes to '{}'",
    type(None): "type conversion error from 'null_type' to '{}'",
    Duration: "type conversion error from 'Duration' to '{}'",
    Timestamp: "type conversion error from 'Timestamp' to '{}'",
    Type: "type conversion not supported for 'type'",
    **dict.fromkeys(LIST_CLASSES, "type conversion error from list to '{}'"),
    **dict.fromkeys(MAP_CLASSES, "type conversion error from map to '{}'"),
}


def scalar(value: Value, kind: type, go_type: str) -> Value:
    """Return a value for a field of that class; CelError in cel-go's words for one of another type."""
    if type(value) is Optional_:
        return scalar(value.value, kind, go_type)
    if type(value) is kind:
        return value
    raise refusal(value, go_type)


def refusal(value: Value, go_type: str) -> CelError:
    """Return what cel-go says of a value that cannot be a Go value of that type."""
    known = _REFUSALS.get(type(value))
    if known is None:
        name = value.cel_type.name.rsplit(".", 1)[-1] if isinstance(value, Opaque) else type(value).__name__
        known = f"type conversion error from '{name}' to '{{}}'"
    return CelError(known.format(go_type))


def json_value(value: Value) -> Value:
    """Return a value as JSON has it: numbers are doubles, large ones strings, bytes base64, times text.

    Raises CelError for what JSON cannot hold.
    """
    holder: list[Value] = [None]
    pending: list[tuple[Value, Callable[[Value], None], int]] = [(value, lambda made: holder.__setitem__(0, made), 0)]
    while pending:
        part, put, depth = pending.pop()
        if type(part) is Optional_:
            part = part.value
        if depth > _DEEPEST:
            raise CelError("a value is nested too deep to be JSON")
        if type(part) in LIST_CLASSES:
            elements: list[Value] = [None] * len(part)
            put(elements)
            for index, element in enumerate(part):
                pending.append((element, lambda made, i=index, to=elements: to.__setitem__(i, made), depth + 1))  # type: ignore[misc]
        elif type(part) in MAP_CLASSES:
            fields = {scalar(key, str, "string"): None for key, _ in items(part)}
            put(fields)
            for key, item in items(part):
                pending.append((item, lambda made, k=key, to=fields: to.__setitem__(k, made), depth + 1))  # type: ignore[misc]
        else:
            put(_scalar_json(part))
    return holder[0]


def _scalar_json(value: Value) -> Value:
    kind = type(value)
    if value is None or kind in (bool, str, float):
        return value
    if kind is int or kind is Uint:
        return float(value) if -_EXACT < value < _EXACT else str(int(value))
    if kind is bytes:
        return base64.b64encode(value).decode()
    if kind is Duration:
        return f"{format_positional(total_seconds(value.nanos))}s"
    if kind is Timestamp:
        return format_timestamp(value.nanos)
    raise refusal(value, "*structpb.Value")
