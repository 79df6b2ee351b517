"""OpenAPI schemas as CEL types: what `object.spec.replicas` is, worked out only as far as somebody asks.

Rules: apiserver pkg/cel/common/schemas.go (SchemaDeclType), pkg/cel/types.go (MaybeAssignTypeName), pkg/cel/escaping.go
and pkg/cel/openapi/resolver/refs.go. The API server has no type for some fields (quantities, free JSON, whatever a
schema contains of itself) and says that they do not exist; by default they are dyn here, because they do. With `exact`
the answers are the API server's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from admission.cel import types
from admission.cel.builder import RESERVED
from admission.cel.types import Type, list_of, map_of, struct
from admission.schema.definitions import OBJECT_META, REFERENCE_PREFIX, Definitions, KindName, Schema

_SCALARS = {"boolean": types.BOOL, "number": types.DOUBLE, "integer": types.INT}
_STRING_FORMATS = {
    "byte": types.BYTES,
    "duration": types.DURATION,
    "date": types.TIMESTAMP,
    "date-time": types.TIMESTAMP,
}
_ESCAPED = re.compile(r"__|[-./]|[^a-zA-Z0-9_]")
_ESCAPES = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_TEXT = {"type": "string"}


@dataclass(frozen=True, slots=True)
class _Node:
    """The schema behind a struct, and the references followed to get there."""

    schema: Schema
    visited: frozenset[str]


class ObjectTypes:
    """The struct types of some kinds; `Deployment.spec.template` is the type of that field."""

    __slots__ = ("_definitions", "_exact", "_fields", "_nodes")

    def __init__(self, definitions: Definitions, *, exact: bool = False) -> None:
        self._definitions = definitions
        self._exact = exact
        self._nodes: dict[str, _Node] = {}
        self._fields: dict[str, dict[str, Type]] = {}

    def declare(self, kind: KindName) -> Type | None:
        """Return the type of objects of a kind, named after it; None where there is no schema."""
        schema = self._definitions.schema(kind)
        if schema is None:
            return None
        return self._type(schema, kind.kind, frozenset(), root=True)

    def __contains__(self, name: object) -> bool:
        return name in self._nodes

    def field(self, name: str, field: str) -> Type | None:
        """Return the type of a field of a struct declared so far; a name that is a CEL keyword may be given plainly."""
        fields = self._fields_of(name)
        found = fields.get(field)
        if found is None and field in RESERVED:
            found = fields.get(f"__{field}__")
        if found is None and not self._exact and self._nodes[name].schema.get("x-kubernetes-preserve-unknown-fields"):
            return types.DYN
        return found

    def field_names(self, name: str) -> Iterable[str]:
        """Return the fields of a struct declared so far, as they may be written in CEL."""
        return (field.strip("_") if field.strip("_") in RESERVED else field for field in self._fields_of(name))

    def _fields_of(self, name: str) -> dict[str, Type]:
        fields = self._fields.get(name)
        if fields is None:
            fields = self._fields[name] = {}
            node = self._nodes[name]
            for field, schema in node.schema.get("properties", {}).items():
                escaped = escape(field)
                if escaped is None:
                    continue
                t = self._type(schema, f"{name}.{escaped}", node.visited)
                if t is not None:
                    fields[escaped] = t
        return fields

    def _type(self, schema: Schema, name: str, visited: frozenset[str], *, root: bool = False) -> Type | None:
        """Return the type of a value of that schema; None (exact) where upstream does not show it to expressions."""
        referred = self._definitions.referred(schema)
        if referred is not None:
            reference, target = referred
            if target is None or reference in visited:
                # a schema within itself ends in an object without fields upstream
                return self._declared(name, {"type": "object"}, visited) if self._exact else self._open(name, target)
            schema, visited = target, visited | {reference}
        if schema.get("format") == "int-or-string" or schema.get("x-kubernetes-int-or-string"):
            return types.DYN
        if root or schema.get("x-kubernetes-embedded-resource"):
            schema = self._with_metadata(schema)
        kind = schema.get("type")
        if kind == "array":
            return self._list(schema, name, visited)
        if kind == "object":
            return self._object(schema, name, visited)
        if kind == "string":
            return _STRING_FORMATS.get(str(schema.get("format")), types.STRING)
        return _SCALARS.get(str(kind)) or self._unknown()

    def _unknown(self) -> Type | None:
        return None if self._exact else types.DYN

    def _open(self, name: str, target: Schema | None) -> Type:
        """Go on within a schema that contains itself: types are made on demand, so there is no end to reach."""
        if target is None or target.get("type") != "object":
            return types.DYN
        return self._object(target, name, frozenset()) or types.DYN

    def _list(self, schema: Schema, name: str, visited: frozenset[str]) -> Type | None:
        items = schema.get("items")
        element = self._type(items, f"{name}.@idx", visited) if isinstance(items, Mapping) else self._unknown()
        return None if element is None else list_of(element)

    def _object(self, schema: Schema, name: str, visited: frozenset[str]) -> Type | None:
        values = schema.get("additionalProperties")
        if isinstance(values, Mapping):
            value = self._type(values, f"{name}.@elem", visited)
            return None if value is None else map_of(types.STRING, value)
        if not schema.get("properties") and not self._exact:
            return types.DYN
        return self._declared(name, schema, visited)

    def _declared(self, name: str, schema: Schema, visited: frozenset[str]) -> Type:
        self._nodes[name] = _Node(schema, visited)
        return struct(name)

    def _with_metadata(self, schema: Schema) -> Schema:
        """Return the schema of a whole object with kind, apiVersion and the names in its metadata declared."""
        properties = schema.get("properties", {})
        metadata = properties.get("metadata", {})
        referred = self._definitions.referred(metadata)
        named = (referred[1] or {} if referred else metadata).get("properties", {})
        if all(field in properties for field in ("kind", "apiVersion")) and {"name", "generateName"} <= named.keys():
            return schema
        short = {"type": "object", "properties": {"name": _TEXT, "generateName": _TEXT}}
        full = {"$ref": REFERENCE_PREFIX + OBJECT_META}
        added = {"kind": _TEXT, "apiVersion": _TEXT, "metadata": short if self._exact or named else full}
        return {**schema, "properties": {**properties, **added}}


def escape(name: str) -> str | None:
    """Return a field's name as a CEL identifier (`a-b` is `a__dash__b`), None for one that cannot be written."""
    if not name or name[0] in "0123456789":
        return None
    if name in RESERVED:
        return f"__{name}__"
    parts = _ESCAPED.findall(name)
    if any(part not in _ESCAPES for part in parts):
        return None
    return _ESCAPED.sub(lambda found: _ESCAPES[found.group()], name)
