"""From the value of a mutation's expression to JSON: what the API server can write of it, and what it refuses.

A value becomes JSON by way of protobuf's Value: integers that a double cannot hold become strings, durations and
timestamps their text. Inside `Object{...}` the way is another one: lists and maps that the expression built may be one
level deep, while parts of Kubernetes objects may be as deep as they are. Sources: apiserver
pkg/admission/plugin/policy/mutating/patch/json_patch.go, pkg/cel/mutation/dynamic/objects.go; cel-go common/types.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Iterator
from typing import Final

from admission.cel.numerals import format_positional
from admission.cel.quoting import quote
from admission.cel.times import format_timestamp, total_seconds
from admission.cel.types import Type
from admission.cel.values import (
    LIST_CLASSES,
    MAP_CLASSES,
    ConcatList,
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
from admission.workload import JsonObject

_SAFE_INTEGER: Final = 2**53
_INT64: Final = 2**63
_GO_NAMES: Final = {"NamedFormat": "Format"}


class UnwritableError(Exception):
    """A value that the API server cannot write as JSON; the text is its own."""


class Foreign:
    """What an expression put into an Object that is no JSON: the value, and the Go type that upstream has for it."""

    __slots__ = ("go_type", "value")

    def __init__(self, value: Value, go_type: str) -> None:
        self.value = value
        self.go_type = go_type


class Originals:
    """Tells lists and maps that are parts of the given documents from those that an expression built."""

    __slots__ = ("_documents", "_ids")

    def __init__(self, *documents: Value) -> None:
        self._documents = documents
        self._ids: set[int] | None = None

    def __contains__(self, value: object) -> bool:
        if self._ids is None:
            self._ids = set()
            pending = [document for document in self._documents if isinstance(document, dict | list)]
            while pending:
                part = pending.pop()
                self._ids.add(id(part))
                inner = part.values() if isinstance(part, dict) else part
                pending += (item for item in inner if type(item) in (dict, list))
        return id(value) in self._ids


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
                check_type_names(value)
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
        return _plain(_native(value, originals, empty=[]))
    if isinstance(value, Type):
        raise UnwritableError("type conversion not supported for 'type'")
    raise UnwritableError(f"type conversion error from '{_short_name(value)}' to '*structpb.Value'")


def to_native(value: StructValue, originals: Originals) -> dict[str, Value]:
    """Return an Object as the API server hands it on: JSON, and Foreign where an expression put in something else.

    A list that the expression built without elements is null there.
    """
    return _native(value, originals, empty=None)


def _native(value: StructValue, originals: Originals, *, empty: Value) -> dict[str, Value]:
    return {name: _field(name, item, originals, empty) for name, item in value.fields.items()}


def check_type_names(value: StructValue) -> None:
    """Check that every Object inside an Object has the type name of its place; UnwritableError names all others."""
    faults = list(_wrong_names(value, value.cel_type.name))
    if faults:
        raise UnwritableError("type mismatch: " + "\n".join(faults))


def _wrong_names(value: Value, expected: str) -> Iterator[str]:
    if isinstance(value, StructValue):
        name = value.cel_type.name
        if name != expected:
            yield (
                f"unexpected type name {quote(name)}, expected {quote(expected)}, "
                "which matches field name path from root Object type"
            )
        for field, item in value.fields.items():
            yield from _wrong_names(item, f"{expected}.{field}")
    elif type(value) is list:
        for item in value:
            yield from _wrong_names(item, expected)
    elif isinstance(value, MAP_CLASSES):
        for key in value:
            yield from _wrong_names(find(value, key), expected)


def _field(name: str, value: Value, originals: Originals, empty: Value) -> Value:
    if value in originals:
        return value
    if type(value) is list and not value:
        return empty
    if isinstance(value, LIST_CLASSES):
        return [_element(item, originals, empty) for item in value]
    if isinstance(value, MAP_CLASSES):
        for key in value:
            if not isinstance(key, str):
                text = f"map key {quote(str(key))} is of type types.{type_of(key).name.capitalize()}, not string"
                raise UnwritableError(f"fail to convert field {quote(name)}: {text}")
        return {key: _element(find(value, key), originals, empty) for key in value}
    return _element(value, originals, empty)


def _element(value: Value, originals: Originals, empty: Value) -> Value:
    if isinstance(value, StructValue):
        return _native(value, originals, empty=empty)
    if value in originals or isinstance(value, bool | str):
        return value
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, ConcatList):
        return [_element(item, originals, empty) for item in value]
    if isinstance(value, Optional_):
        return _element(value.value, originals, empty) if value.present else None
    go_type = _go_type(value)
    return value if go_type is None else Foreign(value, go_type)


def _go_type(value: Value) -> str | None:
    """Return the Go type of a value that is no JSON, None for an int."""
    if value is None:
        return "structpb.NullValue"
    if isinstance(value, Uint):
        return "uint64"
    if isinstance(value, int):
        return None
    if isinstance(value, bytes):
        return "[]uint8"
    if isinstance(value, Duration):
        return "time.Duration"
    if isinstance(value, Timestamp):
        return "time.Time"
    if isinstance(value, list):
        return "[]ref.Val"
    if isinstance(value, MAP_CLASSES):
        return "map[ref.Val]ref.Val"
    return f"*{_short_name(value)}"


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
    raise UnwritableError(f"type conversion error from '{type_of(key).name}' to 'string'")


def _short_name(value: Value) -> str:
    name = value.cel_type.name.rpartition(".")[2] if isinstance(value, Opaque) else type(value).__name__
    return _GO_NAMES.get(name, name)
