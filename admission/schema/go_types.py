"""What Go makes of each kind: the types and names in an API server's messages about what it cannot decode.

Read off the OpenAPI schemas when somebody asks. What schemas do not tell, names of string and map types and which
structs are embedded, is in the file `go-names-1.36.json`: by type and field, `embedded.path.|name of the field's type`.
Sources: k8s.io/api and k8s.io/apimachinery (types.go of each group).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Final, Literal, TypeAlias

from admission.schema.definitions import Definitions, KindName, Schema

Shape: TypeAlias = Literal[
    "struct",
    "map",
    "list",
    "string",
    "integer",
    "number",
    "boolean",
    "bytes",
    "time",
    "micro time",
    "quantity",
    "int or string",
    "anything",
]

GoNames: TypeAlias = Mapping[str, Mapping[str, str]]
"""Embedded path and name of a field's type, by schema and field; both may be empty."""

_SPECIAL: Final[Mapping[str, tuple[Shape, str]]] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": ("quantity", "resource.Quantity"),
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": ("time", "v1.Time"),
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": ("micro time", "v1.MicroTime"),
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": ("int or string", "intstr.IntOrString"),
    "io.k8s.apimachinery.pkg.runtime.RawExtension": ("anything", "runtime.RawExtension"),
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": ("anything", "v1.FieldsV1"),
}
_READ_THEMSELVES: Final = frozenset(("JSON", "JSONSchemaPropsOrArray", "JSONSchemaPropsOrBool"))
"""Types of k8s.io/apiextensions-apiserver that take any JSON."""

_TYPE_META: Final = frozenset(("apiVersion", "kind"))
_NAMES_FILE: Final = "go-names-1.36.json"


def bundled_names() -> GoNames:
    """Return the names that come with the package; takes a millisecond, so keep them."""
    names: GoNames = json.loads(files(__package__).joinpath(_NAMES_FILE).read_bytes())
    return names


@dataclass(frozen=True, slots=True, eq=False)
class GoField:
    """A field of a struct; `embedded` is what stands in front of its name in paths, `VolumeSource.` say."""

    type: GoType
    embedded: str = ""


class GoType:
    """One Go type: its shape, its name as Go prints it (`v1.PodSpec`, `[]string`), and what is inside.

    `struct` is the name of a struct without its package.
    """

    __slots__ = ("_element", "_fields", "_schema", "_types", "model", "name", "shape")

    def __init__(self, types: GoTypes, shape: Shape, name: str, schema: Schema, model: str = "") -> None:
        self.shape = shape
        self.name = name
        self.model = model
        self._types = types
        self._schema = schema
        self._fields: dict[str, GoField] | None = None
        self._element: GoType | None = None

    @property
    def struct(self) -> str:
        """The name of the struct in paths."""
        return self.model.rpartition(".")[2]

    @property
    def fields(self) -> Mapping[str, GoField]:
        """The fields of a struct."""
        if self._fields is None:
            self._fields = self._types.fields(self._schema, self.model)
        return self._fields

    @property
    def element(self) -> GoType:
        """The type of what is in a list or a map."""
        if self._element is None:
            self._element = self._types.element(self._schema, self.name)
        return self._element


class GoTypes:
    """The Go types of the kinds that `definitions` describe."""

    __slots__ = ("_definitions", "_kinds", "_named", "_names")

    def __init__(self, definitions: Definitions, names: GoNames) -> None:
        self._definitions = definitions
        self._names = names
        self._named: dict[str, GoType] = {}
        self._kinds: dict[KindName, GoType | None] = {}

    def of(self, kind: KindName) -> GoType | None:
        """Return the type of a kind, None where there is no schema of it."""
        if kind not in self._kinds:
            name = self._definitions.schema_name(kind)
            self._kinds[kind] = self._model(name, self._definitions.schema(kind) or {}) if name is not None else None
        return self._kinds[kind]

    def fields(self, schema: Schema, model: str) -> dict[str, GoField]:
        """Return the fields of a struct."""
        told = self._names.get(model, {})
        whole = bool(schema.get("x-kubernetes-group-version-kind"))
        found = {}
        for field, inner in schema.get("properties", {}).items():
            embedded, _, name = told.get(field, "").rpartition("|")
            if whole and field in _TYPE_META:
                embedded = "TypeMeta."
            found[field] = GoField(self._of(inner, name), embedded)
        return found

    def element(self, schema: Schema, name: str) -> GoType:
        """Return the type of what is in a list or a map of that name."""
        inner = schema.get("items" if schema.get("type") == "array" else "additionalProperties")
        told = name.partition("]")[2]
        return self._of(inner if isinstance(inner, Mapping) else {}, told)

    def _of(self, schema: Schema, told: str) -> GoType:
        referred = self._definitions.referred(schema)
        if referred is not None:
            model, target = referred
            return self._model(model, target or {})
        kind = schema.get("type")
        if kind == "array":
            return GoType(self, "list", told or f"[]{self._of(schema.get('items', {}), '').name}", schema)
        if kind == "object":
            element = schema.get("additionalProperties")
            inner = self._of(element, "").name if isinstance(element, Mapping) else "string"
            shape: Shape = "map" if isinstance(element, Mapping) else "anything"
            return GoType(self, shape, told or f"map[string]{inner}", schema)
        if kind == "string":
            if schema.get("format") == "byte":
                return GoType(self, "bytes", "[]uint8", schema)
            return GoType(self, "string", told or "string", schema)
        if kind == "integer":
            return GoType(self, "integer", told or str(schema.get("format", "int64")), schema)
        if kind == "number":
            return GoType(self, "number", told or "float64", schema)
        return GoType(self, "boolean", told or "bool", schema) if kind == "boolean" else self._anything(schema)

    def _anything(self, schema: Schema) -> GoType:
        return GoType(self, "anything", "interface {}", schema)

    def _model(self, model: str, schema: Schema) -> GoType:
        """Return the type that a schema of that name stands for."""
        found = self._named.get(model)
        if found is None:
            found = self._named[model] = self._made(model, schema)
        return found

    def _made(self, model: str, schema: Schema) -> GoType:
        if model in _SPECIAL:
            shape, name = _SPECIAL[model]
            return GoType(self, shape, name, schema, model)
        package, _, struct = model.rpartition(".")
        name = f"{package.rpartition('.')[2]}.{struct}"
        if isinstance(schema.get("properties"), Mapping) and struct not in _READ_THEMSELVES:
            return GoType(self, "struct", name, schema, model)
        if schema.get("type") in (None, "object") or struct in _READ_THEMSELVES:
            return GoType(self, "anything", name, schema, model)
        return self._of(schema, name)


def go_types(definitions: Definitions) -> GoTypes:
    """Return the Go types of an API server's own kinds, with the names that come with the package."""
    return GoTypes(definitions, bundled_names())
