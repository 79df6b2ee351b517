"""CEL values as JSON and back: the encoding of `admission cel --cases` and of recorded cases.

JSON ints are CEL ints, floats doubles; what JSON has no word for is an object with one key that starts with a dollar:
`$uint`, `$double` (NaN, +Inf, -Inf), `$bytes` (base64), `$duration` (Go's form), `$timestamp` (RFC 3339), `$type`,
`$optional` ([] or [value]), `$map` ([[key, value], ...] for keys that are no strings), and one for each opaque type.
"""

from __future__ import annotations

import base64
import math
from typing import Any

from admission.cel import values
from admission.cel.times import format_duration, format_timestamp, parse_duration, parse_timestamp
from admission.cel.types import Type
from admission.cel.values import CelError, Optional_, Uint, Value

_OPAQUE_TAGS = {
    "kubernetes.Quantity": "$quantity",
    "net.IP": "$ip",
    "net.CIDR": "$cidr",
    "kubernetes.URL": "$url",
    "kubernetes.Semver": "$semver",
    "kubernetes.NamedFormat": "$format",
}


def encode_value(value: Value) -> Any:
    """Return the JSON form of a CEL value."""
    kind = type(value)
    if kind is float:
        if math.isfinite(value):
            return value
        return {"$double": "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"}
    if kind is Uint:
        return {"$uint": str(int(value))}
    if kind is bytes:
        return {"$bytes": base64.b64encode(value).decode()}
    if kind in values.LIST_CLASSES:
        return [encode_value(element) for element in value]
    if kind in values.MAP_CLASSES:
        entries = [(key, encode_value(item)) for key, item in values.items(value)]
        if all(type(key) is str for key, _ in entries):
            return dict(entries)
        return {"$map": [[encode_value(key), item] for key, item in entries]}
    if kind is Optional_:
        return _encode_optional(value)
    if isinstance(value, Type):
        return {"$type": value.name}
    if isinstance(value, values.Opaque):
        return _encode_opaque(value)
    return value


def _encode_optional(value: Optional_) -> Any:
    try:
        return {"$optional": [encode_value(value.value)] if value.present else []}
    except CelError as error:
        return {"$optional": [{"$error": str(error)}]}


def _encode_opaque(value: values.Opaque) -> Any:
    if isinstance(value, values.Duration):
        return {"$duration": format_duration(value.nanos)}
    if isinstance(value, values.Timestamp):
        return {"$timestamp": format_timestamp(value.nanos)}
    if isinstance(value, values.StructValue):
        if isinstance(value, values.PatchValue):
            fields = {name: encode_value(item) for name, item in value.fields.items()}
            return {"$jsonpatch": {"op": "", "path": "", **fields}}
        return {"$object": _encode_fields(value)}
    tag = _OPAQUE_TAGS.get(value.cel_type.name, "$" + value.cel_type.name)
    has_text = type(value).__str__ is not object.__str__
    return {tag: str(value) if has_text else "no such overload"}  # what Go shows of those that exist for functions only


def _encode_fields(value: values.StructValue) -> dict[str, Any]:
    return {name: _encode_inside(item) for name, item in value.fields.items()}


def _encode_inside(value: Value) -> Any:
    """Return the form of what is inside of an object: objects are bare maps, optionals what they hold, types names."""
    if type(value) in values.LIST_CLASSES:
        return [_encode_inside(element) for element in value]
    if type(value) is dict and all(type(key) is str for key in value):
        return {key: _encode_inside(item) for key, item in value.items()}
    if isinstance(value, values.ObjectValue):
        return _encode_fields(value)
    if isinstance(value, Optional_):
        return _encode_inside(value.value) if value.present else None
    return value.name if isinstance(value, Type) else encode_value(value)


def decode_value(encoded: Any) -> Value:
    """Return the CEL value of its JSON form; ValueError for an unknown tag."""
    if isinstance(encoded, list):
        return [decode_value(element) for element in encoded]
    if not isinstance(encoded, dict):
        is_large = type(encoded) is int and not values.INT_MIN <= encoded <= values.INT_MAX
        return float(encoded) if is_large else encoded
    if len(encoded) == 1:
        (tag, payload), *_ = encoded.items()
        if tag.startswith("$"):
            return _decode_tagged(tag, payload)
    return {key: decode_value(item) for key, item in encoded.items()}


def _decode_tagged(tag: str, payload: Any) -> Value:
    if tag == "$uint":
        return Uint(payload)
    if tag == "$double":
        return float(payload)
    if tag == "$bytes":
        return base64.b64decode(payload)
    if tag == "$duration":
        return values.Duration(parse_duration(payload))
    if tag == "$timestamp":
        return values.Timestamp(parse_timestamp(payload))
    if tag == "$optional":
        return Optional_(decode_value(payload[0])) if payload else values.NONE
    if tag == "$map":
        return values.make_map((decode_value(key), decode_value(item)) for key, item in payload)
    raise ValueError(f"unknown value tag {tag}")
