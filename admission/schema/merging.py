"""How parts of objects are merged: which lists are keyed, which are sets, what is one piece.

Read off the OpenAPI schemas when somebody asks, as the API server does when it makes a type converter of its own
OpenAPI (kube-openapi pkg/schemaconv/openapi.go, smd.go; apimachinery pkg/util/managedfields).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from admission.schema.definitions import OBJECT_META, REFERENCE_PREFIX, Definitions, KindName, Schema
from admission.schema.go_types import GoTypes, go_types

Scalar: TypeAlias = Literal["numeric", "string", "boolean", "untyped"]

_QUANTITY: Final = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_RAW_EXTENSION: Final = "io.k8s.apimachinery.pkg.runtime.RawExtension"
_WHOLE_OBJECT: Final[Mapping[str, Schema]] = {
    "apiVersion": {"type": "string"},
    "kind": {"type": "string"},
    "metadata": {"$ref": REFERENCE_PREFIX + OBJECT_META},
}
"""What every object has, and an API server adds to the schemas of objects inside of custom resources."""

_PRIMITIVES: Final[Mapping[str, Scalar]] = {"integer": "numeric", "number": "numeric", "boolean": "boolean"}


@dataclass(frozen=True, slots=True, eq=False)
class ListType:
    """A list: `associative` ones are merged by their elements' `keys`, or as sets where there are none."""

    element: TypeReference
    associative: bool = False
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """A declared field; `default` is what an absent key of a keyed list counts as."""

    type: TypeReference
    default: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class MapType:
    """A map or a struct: declared fields, and the type of all others (None: there are none); `atomic` is one piece."""

    fields: Mapping[str, Field]
    element: TypeReference | None = None
    atomic: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Atom:
    """What a place may hold: one of the three, or several where the schema leaves it open."""

    scalar: Scalar | None = None
    list: ListType | None = None
    map: MapType | None = None


class TypeReference:
    """A type that is looked at when it is needed, because schemas refer to themselves."""

    __slots__ = ("_atom", "_make")

    def __init__(self, make: Callable[[], Atom]) -> None:
        self._make = make
        self._atom: Atom | None = None

    def resolve(self) -> Atom:
        """Return the type itself."""
        if self._atom is None:
            self._atom = self._make()
        return self._atom


class MergeTypes:
    """The merge types of all kinds that some definitions describe.

    `native` are the kinds that an API server has Go types for, `rare` makes definitions of what `definitions` do not
    know. With `complete` there are no kinds and fields but those described; otherwise an API server may be newer.
    `untyped` takes anything as one piece, `deduced` anything with maps merged key by key.
    """

    __slots__ = (
        *("_definitions", "_elsewhere", "_go_types", "_named", "_native", "_rare", "_rare_types", "_references"),
        *("_versions", "complete", "deduced", "untyped"),
    )

    def __init__(
        self,
        definitions: Definitions,
        native: Definitions,
        *,
        rare: Callable[[], Definitions] | None = None,
        complete: bool = False,
    ) -> None:
        self._definitions = definitions
        self._native = native
        self._rare = rare
        self.complete = complete
        carried: set[KindName] = set()
        own: set[KindName] = set()
        self._versions: set[tuple[str, str]] = set()
        for resource in definitions.resources:
            version = (resource.group, resource.version)
            self._versions.add(version)
            (own if (resource.kind.group, resource.kind.version) == version else carried).add(resource.kind)
        self._elsewhere = carried - own
        self._go_types: GoTypes | None = None
        self._rare_types: MergeTypes | None = None
        self._references: dict[KindName, TypeReference | None] = {}
        self._named: dict[str, Atom] = {}
        self.untyped = TypeReference(
            lambda: Atom("untyped", ListType(self.untyped), MapType({}, self.untyped, atomic=True))
        )
        self.deduced = TypeReference(lambda: Atom("untyped", ListType(self.untyped), MapType({}, self.deduced)))

    @property
    def native(self) -> GoTypes:
        """The Go types of the kinds that an API server has any for."""
        if self._go_types is None:
            self._go_types = go_types(self._native)
        return self._go_types

    def of(self, kind: KindName) -> TypeReference | None:
        """Return the type of a kind, None where there is none.

        An API server reads types off the schemas of one group and version, so it has none for a kind that only occurs
        in those of another: the Scale of deployments, say.
        """
        if kind not in self._references:
            self._references[kind] = self._find(kind)
        return self._references[kind]

    def serves(self, kind: KindName) -> bool:
        """Return whether anything is known of the group and version of a kind."""
        if (kind.group, kind.version) in self._versions:
            return True
        others = self._others()
        return others is not None and others.serves(kind)

    def _find(self, kind: KindName) -> TypeReference | None:
        schema = self._definitions.schema(kind)
        if schema is not None:
            return None if kind in self._elsewhere else self._reference(schema, preserves=False)
        others = self._others()
        return others.of(kind) if others is not None else None

    def _others(self) -> MergeTypes | None:
        if self._rare_types is None and self._rare is not None:
            self._rare_types = MergeTypes(self._rare(), self._native)
        return self._rare_types

    def _atom(self, schema: Schema, *, preserves: bool, atomic: bool | None) -> Atom:
        """Return what a schema, or what it refers to, may hold; `atomic` overrides what a referred map says."""
        referred = self._definitions.referred(schema) if _is_reference(schema) else None
        if referred is None:
            return self._parsed(schema, preserves=preserves)
        name, target = referred
        found = self._named.get(name)
        if found is None:
            found = self._named[name] = self._definition(name, target)
        if atomic is not None and found.map is not None:
            return Atom(found.scalar, found.list, MapType(found.map.fields, found.map.element, atomic))
        return found

    def _definition(self, name: str, schema: Schema | None) -> Atom:
        if name == _QUANTITY:
            return Atom(scalar="untyped")
        if name == _RAW_EXTENSION or schema is None:
            return self.untyped.resolve()
        return self._parsed(schema, preserves=False)

    def _parsed(self, schema: Schema, *, preserves: bool) -> Atom:
        preserves = preserves or schema.get("x-kubernetes-preserve-unknown-fields") is True
        kind = str(schema.get("type", ""))
        if kind == "object":
            return Atom(map=self._map(schema, preserves=preserves))
        if kind == "array":
            return Atom(list=self._list(schema, preserves=preserves))
        if kind == "string":
            return Atom(scalar="string" if schema.get("format", "") in ("", "byte") else "untyped")
        if kind in _PRIMITIVES:
            return Atom(scalar=_PRIMITIVES[kind])
        return Atom("untyped", self._list(schema, preserves=preserves), self._map(schema, preserves=preserves))

    def _map(self, schema: Schema, *, preserves: bool) -> MapType:
        properties = schema.get("properties")
        declared = dict(properties) if isinstance(properties, Mapping) else {}
        if schema.get("x-kubernetes-embedded-resource") is True:
            declared |= _WHOLE_OBJECT
        fields = {
            name: Field(self._reference(member, preserves=preserves), member.get("default"))
            for name, member in declared.items()
        }
        others = schema.get("additionalProperties")
        element: TypeReference | None = None
        if isinstance(others, Mapping):
            element = self._reference(others, preserves=preserves)
        elif others is True or (others is None and (preserves or not fields)):
            element = self.deduced
        return MapType(fields, element, schema.get("x-kubernetes-map-type") == "atomic")

    def _list(self, schema: Schema, *, preserves: bool) -> ListType:
        items = schema.get("items")
        element = self._reference(items, preserves=preserves) if isinstance(items, Mapping) else self.untyped
        list_type = schema.get("x-kubernetes-list-type")
        if list_type is not None:
            keys = schema.get("x-kubernetes-list-map-keys", ()) if list_type == "map" else ()
            return ListType(element, list_type in ("set", "map"), tuple(keys))
        if str(schema.get("x-kubernetes-patch-strategy", "")).startswith("merge"):
            key = schema.get("x-kubernetes-patch-merge-key")
            return ListType(element, associative=True, keys=(key,) if isinstance(key, str) else ())
        return ListType(element)

    def _reference(self, schema: Schema, *, preserves: bool) -> TypeReference:
        map_type = schema.get("x-kubernetes-map-type") if _is_reference(schema) else None
        atomic = None if map_type is None else map_type == "atomic"
        return TypeReference(lambda: self._atom(schema, preserves=preserves, atomic=atomic))


def _is_reference(schema: Schema) -> bool:
    """Whether a schema stands for another one: a `$ref`, or an allOf of nothing but one."""
    parts = schema.get("allOf")
    return "$ref" in schema or (isinstance(parts, list) and len(parts) == 1 and "$ref" in parts[0])
