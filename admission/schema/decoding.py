"""Whether a document decodes into the Go type of its kind, as strictly as an API server decodes it.

Unknown fields and values of wrong types are what it refuses. The names in its sentences are those of Go types, which
the names of the schemas give away; what a schema cannot tell (the named string types) is printed as what it is made
of. Source: sigs.k8s.io/json, apimachinery pkg/runtime/serializer/json.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from admission.schema.definitions import Definitions, KindName, Schema

_ANYTHING: Final = frozenset(("FieldsV1", "RawExtension", "JSON", "JSONSchemaPropsOrBool", "JSONSchemaPropsOrArray"))
_QUANTITY: Final = re.compile(r"[+-]?[0-9.]+[eEinumkKMGTP]*[-+]?[0-9]*")
_TIME: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.,][0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_QUANTITY_FAULT: Final = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
_META: Final = (
    'Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; '
    'Kind string "json:\\"kind,omitempty\\"" }'
)
_EMBEDDED: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    "Volume": ("VolumeSource", frozenset(("name",))),
    "EphemeralContainer": ("EphemeralContainerCommon", frozenset(("targetContainerName",))),
    "PersistentVolumeSpec": (
        "PersistentVolumeSource",
        frozenset(
            (
                *("accessModes", "capacity", "claimRef", "mountOptions", "nodeAffinity"),
                *("persistentVolumeReclaimPolicy", "storageClassName", "volumeAttributesClassName", "volumeMode"),
            )
        ),
    ),
}
"""Structs that Go embeds: their fields show the name of the embedded one in paths; all but the fields given are its."""


class _Mismatch(Exception):  # noqa: N818 - a signal inside this file
    """A value that does not decode; the text is the API server's."""


def decoding_fault(document: Any, before: Any, kind: KindName, definitions: Definitions) -> str | None:
    """Return what an API server says about a document that is not of its kind, None where it decodes.

    Parts that are the very same values in `before` have been decoded already and are not looked at. Kinds without a
    schema take anything.
    """
    schema = definitions.schema(kind)
    if not isinstance(document, dict):
        return (
            f"couldn't get version/kind; json parse error: json: cannot unmarshal {_json_type(document)} into {_META}"
        )
    if schema is None:
        if document.get("kind"):
            return None
        return f"Object 'Kind' is missing in '{json.dumps(document, sort_keys=True, separators=(',', ':'))}'"
    found = (document.get("apiVersion") or kind.api_version, document.get("kind") or kind.kind)
    if found != (kind.api_version, kind.kind):
        version, name = found
        return f'no kind "{name}" is registered for version "{version}" in scheme "pkg/runtime/scheme.go:111"'
    decoder = _Decoder(definitions)
    try:
        unknown = [f'unknown field "{path}"' for path in decoder.unknown(schema, document, before, kind.kind, "", "")]
    except _Mismatch as mismatch:
        return str(mismatch)
    return f"strict decoding error: {', '.join(unknown)}" if unknown else None


class _Decoder:
    """Walks schema and value together; `struct` and `go_path` are what Go would name the place."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions

    def unknown(self, schema: Schema, value: Any, before: Any, struct: str, go_path: str, path: str) -> Iterator[str]:
        """Yield the paths of unknown fields; raises _Mismatch for the first value of a wrong type."""
        if value is None or value is before:
            return
        name, schema = self._resolved(schema)
        if name in _ANYTHING:
            return
        if name == "Quantity":
            _check_quantity(value)
        elif name in ("Time", "MicroTime"):
            _check_time(value, struct, go_path)
        elif name == "IntOrString":
            if isinstance(value, bool) or not isinstance(value, str | int | float):
                raise _mismatch(value, struct, go_path, "int32")
        elif isinstance(schema.get("properties"), Mapping):
            if not isinstance(value, dict):
                raise _mismatch(value, struct, go_path, self._go_type(name, schema))
            yield from self._fields(schema, value, before, name or struct, go_path, path)
        else:
            yield from self._other(name, schema, value, before, struct, go_path, path)

    def _fields(
        self, schema: Schema, value: Mapping[str, Any], before: Any, struct: str, go_path: str, path: str
    ) -> Iterator[str]:
        properties = schema["properties"]
        known = before if isinstance(before, dict) else {}
        for key in sorted(value):
            inner = properties.get(key)
            place = f"{path}.{key}" if path else key
            if inner is None:
                if not schema.get("additionalProperties"):
                    yield place
                continue
            embedded, own = _EMBEDDED.get(struct, ("", frozenset[str]()))
            step = f"{embedded}.{key}" if embedded and key not in own else key
            go_place = f"{go_path}.{step}" if go_path else step
            yield from self.unknown(inner, value[key], known.get(key), struct, go_place, place)

    def _other(
        self, name: str, schema: Schema, value: Any, before: Any, struct: str, go_path: str, path: str
    ) -> Iterator[str]:
        kind = schema.get("type")
        if kind == "object":
            if not isinstance(value, dict):
                raise _mismatch(value, struct, go_path, self._go_type(name, schema))
            element = schema.get("additionalProperties")
            known = before if isinstance(before, dict) else {}
            if isinstance(element, Mapping):
                for key in sorted(value):
                    yield from self.unknown(element, value[key], known.get(key), struct, go_path, f"{path}.{key}")
        elif kind == "array":
            if not isinstance(value, list):
                raise _mismatch(value, struct, go_path, self._go_type(name, schema))
            same = {id(item) for item in before} if isinstance(before, list) else frozenset[int]()
            for index, item in enumerate(value):
                old = item if id(item) in same and isinstance(item, dict | list) else None
                yield from self.unknown(schema.get("items", {}), item, old, struct, go_path, f"{path}[{index}]")
        elif kind is not None and not _is_of(kind, schema, value):
            raise _mismatch(value, struct, go_path, self._go_type(name, schema))

    def _resolved(self, schema: Schema) -> tuple[str, Schema]:
        """Return the short name of what a schema refers to ("" for a schema of its own), and the schema."""
        referred = self._definitions.referred(schema)
        if referred is None:
            return "", schema
        name, target = referred
        return name.rpartition(".")[2], target if target is not None else {}

    def _go_type(self, name: str, schema: Schema) -> str:
        kind = schema.get("type")
        if isinstance(schema.get("properties"), Mapping):
            return f"v1.{name}"
        if kind == "array":
            inner, target = self._resolved(schema.get("items", {}))
            return f"[]{self._go_type(inner, target)}"
        if kind == "object":
            element = schema.get("additionalProperties")
            inner, target = self._resolved(element) if isinstance(element, Mapping) else ("", {"type": "string"})
            return f"map[string]{self._go_type(inner, target)}"
        if kind == "integer":
            return str(schema.get("format", "int64"))
        return {"boolean": "bool", "number": "float64"}.get(str(kind), "string")


def _is_of(kind: str, schema: Schema, value: Any) -> bool:
    if kind == "string":
        return isinstance(value, str)
    if kind == "boolean":
        return isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if kind == "integer":
        bits = 31 if schema.get("format") == "int32" else 63
        return float(value).is_integer() and -(2**bits) <= value < 2**bits
    return True


def _check_quantity(value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _Mismatch(_QUANTITY_FAULT)
    if isinstance(value, str) and not _QUANTITY.fullmatch(value):
        raise _Mismatch(_QUANTITY_FAULT)


def _check_time(value: Any, struct: str, go_path: str) -> None:
    if not isinstance(value, str):
        raise _mismatch(value, struct, go_path, "string")
    if not _TIME.fullmatch(value):
        raise _Mismatch(f'parsing time "{value}" as "2006-01-02T15:04:05Z07:00": cannot parse "{value}" as "2006"')


def _mismatch(value: Any, struct: str, go_path: str, go_type: str) -> _Mismatch:
    found = _json_type(value)
    if found == "number" and go_type in ("int32", "int64"):
        found = f"number {value:g}" if isinstance(value, float) else f"number {value}"
    return _Mismatch(f"json: cannot unmarshal {found} into Go struct field {struct}.{go_path} of type {go_type}")


def _json_type(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, str):
        return "string"
    if isinstance(value, list):
        return "array"
    return "object" if isinstance(value, dict) else "number"
