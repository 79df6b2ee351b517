"""The kinds that a cluster knows: which resource serves which kind, and the OpenAPI schema of each.

Schemas are plain JSON as in an API server's /openapi/v3, references and all; nothing is copied or resolved before
somebody asks. Source of the rules for names: apimachinery pkg/api/meta/restmapper.go, apiextensions-apiserver
pkg/controller/openapi/builder/builder.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Schema: TypeAlias = Mapping[str, Any]

OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
REFERENCE_PREFIX = "#/components/schemas/"


@dataclass(frozen=True, slots=True, order=True)
class KindName:
    """Group, version and kind; printed as the API server prints it: `apps/v1, Kind=Deployment`."""

    group: str
    version: str
    kind: str

    def __str__(self) -> str:
        return f"{self.group}/{self.version}, Kind={self.kind}"

    @property
    def api_version(self) -> str:
        """`apps/v1`, or `v1` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource (or `resource/subresource`) of one group and version, and the kind it carries."""

    group: str
    version: str
    name: str
    kind: KindName
    namespaced: bool
    singular: str = ""
    verbs: tuple[str, ...] = ()
    short_names: tuple[str, ...] = ()


class Definitions:
    """Resources and schemas; a schema's name is what `$ref` ends in."""

    __slots__ = ("_by_kind", "_schemas", "resources")

    def __init__(self, schemas: Mapping[str, Schema], resources: Sequence[Resource]) -> None:
        self.resources = tuple(resources)
        self._schemas = schemas
        self._by_kind: dict[KindName, str] = {}
        for name, schema in schemas.items():
            for kind in schema.get("x-kubernetes-group-version-kind", ()):
                self._by_kind[KindName(kind["group"], kind["version"], kind["kind"])] = name

    def schema(self, kind: KindName) -> Schema | None:
        """Return the schema of a kind, None where it is not known."""
        name = self._by_kind.get(kind)
        return None if name is None else self._schemas[name]

    def schema_name(self, kind: KindName) -> str | None:
        """Return the name of the schema of a kind, None where it is not known."""
        return self._by_kind.get(kind)

    def referred(self, schema: Schema) -> tuple[str, Schema | None] | None:
        """Return name and schema that a `$ref`, or an allOf around one, refers to; None for a schema of its own."""
        reference = schema.get("$ref")
        if isinstance(reference, str):
            name = reference.removeprefix(REFERENCE_PREFIX)
            return name, self._schemas.get(name)
        for part in schema.get("allOf", ()):
            found = self.referred(part)
            if found is not None:
                return found
        return None

    def kinds_for(self, group: str, version: str, resource: str) -> tuple[KindName, ...]:
        """Return the kinds that a rule's group, version and resource name.

        The API server's mapper takes an empty group for "any", so `"" / v1 / events` is the Event of events.k8s.io too.
        """
        wanted = resource.lower()
        found = {
            served.kind: None
            for served in self.resources
            if wanted in (served.name, served.singular) and served.version == version and group in ("", served.group)
        }
        return tuple(found)

    def completing(self, schemas: Mapping[str, Schema], resources: Sequence[Resource]) -> Definitions:
        """Return definitions of these resources alone, whose schemas may refer to the schemas of this one."""
        return Definitions({**self._schemas, **schemas}, resources)

    def with_custom_resources(self, documents: Iterable[Mapping[str, Any]]) -> Definitions:
        """Return these definitions and those of the CustomResourceDefinitions among `documents`.

        What is not well-formed is passed over: a kind without a schema is simply not checked.
        """
        schemas = dict(self._schemas)
        resources = list(self.resources)
        for document in documents:
            if isinstance(document, Mapping) and document.get("kind") == "CustomResourceDefinition":
                for resource, schema in _versions_of(document):
                    resources.append(resource)
                    schemas[f"{resource.group}/{resource.version}.{resource.kind.kind}"] = schema
        return Definitions(schemas, resources)


def _versions_of(definition: Mapping[str, Any]) -> Iterable[tuple[Resource, Schema]]:
    spec = _mapping(definition.get("spec"))
    names = _mapping(spec.get("names"))
    group, kind, plural = spec.get("group"), names.get("kind"), names.get("plural")
    versions = spec.get("versions")
    if not (
        isinstance(group, str) and isinstance(kind, str) and isinstance(plural, str) and isinstance(versions, list)
    ):
        return
    for version in versions:
        name = _mapping(version).get("name")
        if not isinstance(name, str) or not version.get("served", True):
            continue
        schema = _mapping(_mapping(version.get("schema")).get("openAPIV3Schema"))
        own = KindName(group, name, kind)
        singular = names.get("singular")
        yield (
            Resource(
                group,
                name,
                plural,
                own,
                namespaced=spec.get("scope") == "Namespaced",
                singular=singular if isinstance(singular, str) else kind.lower(),
            ),
            _published(schema, own),
        )


def _published(schema: Schema, kind: KindName) -> Schema:
    """Return a CRD's schema as an API server publishes it: with the metadata that every object has."""
    properties = {
        **_mapping(schema.get("properties")),
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"$ref": REFERENCE_PREFIX + OBJECT_META},
    }
    named = {"group": kind.group, "version": kind.version, "kind": kind.kind}
    return {**schema, "type": "object", "properties": properties, "x-kubernetes-group-version-kind": [named]}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
