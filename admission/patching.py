"""From the value of a mutation's expression to JSON: what the API server can write of it, and what it refuses.

A value becomes JSON by way of protobuf's Value: integers that a double cannot hold become strings, durations and
timestamps their text. Inside `Object{...}` the way is another one: lists and maps that the expression built may be one
level deep, while parts of Kubernetes objects may be as deep as they are. Sources: apiserver
pkg/admission/plugin/policy/mutating/patch/json_patch.go, pkg/cel/mutation/dynamic/objects.go; cel-go common/types.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable
from typing import Final

from admission.cel.numerals import format_positional
from admission.cel.times import format_timestamp, total_seconds
from admission.cel.types import Type
from admission.cel.values import (
    LIST_CLASSES,
    MAP_CLASSES,
    Duration,
    Opaque,
    Optional_,
    StructValue,
    Timestamp,
    Uint,
    Value,
    find,
    type_of,
)
from admission.object_values import Foreign, Originals, UnwritableError, check_type_names, to_native
from admission.workload import JsonObject

_SAFE_INTEGER: Final = 2**53
_INT64: Final = 2**63
_GO_NAMES: Final = {"NamedFormat": "Format"}


def operations(patches: Iterable[StructValue], originals: Originals) -> list[JsonObject]:
    """Return the JSON Patch operations of a list of `JSONPatch{...}`.

    Raises UnwritableError for a value that is no JSON, and for types of Objects that do not name their place.
    """
    found = []
    for patch in patches:
        fields = patch.fields
        operation: JsonObject = {"op": fields.get("op", ""), "path": fields.get("path", "")}
        if fields.get("from"):
            operation["from"] = fields["from"]
        if "value" in fields:
            value = fields["value"]
            if isinstance(value, StructValue):
                check_type_names(value, originals)
            try:
                operation["value"] = to_json(value, originals)
            except UnwritableError as error:
                text = f"JSONPath valueExpression evaluated to a type that could not marshal to JSON: {error}"
                raise UnwritableError(text) from None
        found.append(operation)
    return found


def to_json(value: Value, originals: Originals) -> Value:
    """Return a value as JSON, by way of protobuf's Value; UnwritableError for what has no JSON."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Uint):
        return int(value) if value <= _SAFE_INTEGER else str(int(value))
    if isinstance(value, int):
        return value if -_SAFE_INTEGER <= value <= _SAFE_INTEGER else str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, LIST_CLASSES):
        return [to_json(item, originals) for item in value]
    if isinstance(value, MAP_CLASSES):
        return {_key(key): to_json(find(value, key), originals) for key in value}
    if isinstance(value, Duration):
        return f"{format_positional(total_seconds(value.nanos))}s"
    if isinstance(value, Timestamp):
        return format_timestamp(value.nanos)
    if isinstance(value, Optional_):
        if not value.present:
            raise UnwritableError("optional.none() dereference")
        return to_json(value.value, originals)
    if isinstance(value, StructValue):
        return _plain(to_native(value, originals))
    if isinstance(value, Type):
        raise UnwritableError("type conversion not supported for 'type'")
    raise UnwritableError(f"type conversion error from '{_short_name(value)}' to '*structpb.Value'")


def _plain(value: Value) -> Value:
    """Return a native tree as JSON, as protobuf's NewStruct writes it: every number is a double there."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, Foreign):
        if value.go_type == "uint64":
            return _number(float(value.value))
        if value.go_type == "[]uint8":
            return base64.b64encode(value.value).decode("ascii")
        raise UnwritableError(f"proto: invalid type: {value.go_type}")
    if isinstance(value, int) and not isinstance(value, bool):
        return _number(float(value))
    return _number(value) if isinstance(value, float) else value


def _number(value: float) -> float | int:
    """Return a double as JSON reads it back: whole ones that fit int64 are integers."""
    if math.isnan(value) or math.isinf(value):
        name = "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
        raise UnwritableError(f"proto: google.protobuf.Value: invalid {name} value")
    return int(value) if value.is_integer() and -_INT64 <= value < _INT64 else value


def _key(key: Value) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, bool):
        raise UnwritableError("type conversion error from bool to 'string'")
    raise UnwritableError(f"unsupported type conversion from '{type_of(key).name}' to string")


def _short_name(value: Value) -> str:
    name = value.cel_type.name.rpartition(".")[2] if isinstance(value, Opaque) else type(value).__name__
    return _GO_NAMES.get(name, name)
