"""The kinds that an API server only serves when told to, alpha and beta versions: how they are merged, and no more.

The OpenAPI schemas that come with the package are those of an API server as it is by default. How its other kinds are
merged is known from client-go; the file has that in the form of schemas. `python -m admission.schema.rare FOLDER`
writes it anew from `merge-schema-v1.36.yaml` (structured-merge-diff's schema of all types), leaving out what
`schemas-v1.36.json` has. Sources: client-go applyconfigurations/internal; structured-merge-diff v6 schema/elements.go.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Collection, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import yaml

from admission.schema.definitions import REFERENCE_PREFIX, Definitions, KindName, Resource, Schema

NEWEST: Final = "1.36"
_RAW_EXTENSION: Final = "io.k8s.apimachinery.pkg.runtime.RawExtension"
_OWN_NAMES: Final[Mapping[str, Schema]] = {
    "__untyped_atomic_": {"$ref": REFERENCE_PREFIX + _RAW_EXTENSION},
    "__untyped_deduced_": {},
}
_SCALARS: Final[Mapping[str, Schema]] = {
    "string": {"type": "string"},
    "numeric": {"type": "number"},
    "boolean": {"type": "boolean"},
    "untyped": {"type": "string", "format": "any"},
}
_GROUPS: Final[Mapping[str, str]] = {
    "admissionregistration": "admissionregistration.k8s.io",
    "apiserverinternal": "internal.apiserver.k8s.io",
    "apps": "apps",
    "batch": "batch",
    "certificates": "certificates.k8s.io",
    "coordination": "coordination.k8s.io",
    "discovery": "discovery.k8s.io",
    "events": "events.k8s.io",
    "extensions": "extensions",
    "flowcontrol": "flowcontrol.apiserver.k8s.io",
    "imagepolicy": "imagepolicy.k8s.io",
    "networking": "networking.k8s.io",
    "node": "node.k8s.io",
    "policy": "policy",
    "rbac": "rbac.authorization.k8s.io",
    "resource": "resource.k8s.io",
    "scheduling": "scheduling.k8s.io",
    "storage": "storage.k8s.io",
    "storagemigration": "storagemigration.k8s.io",
}
"""API groups by Go package, of all packages that have such kinds."""


def rare(common: Definitions) -> Definitions:
    """Return the definitions of these kinds alone; what they have in common with others is taken from `common`."""
    schemas = json.loads(gzip.decompress(files(__package__).joinpath(_name()).read_bytes()))
    named = [kind for schema in schemas.values() for kind in schema.get("x-kubernetes-group-version-kind", ())]
    kinds = [KindName(**kind) for kind in named]
    resources = [Resource(kind.group, kind.version, kind.kind.lower(), kind, namespaced=True) for kind in kinds]
    return common.completing(schemas, resources)


def pack(types: Collection[Mapping[str, Any]], known: Collection[str]) -> bytes:
    """Return the content of the file; the same facts always give the same bytes."""
    others = [item for item in types if item["name"] not in known and item["name"] not in _OWN_NAMES]
    schemas = {item["name"]: _definition(item) for item in others}
    return gzip.compress(json.dumps(schemas, separators=(",", ":"), sort_keys=True).encode(), mtime=0)


def _definition(item: Mapping[str, Any]) -> Schema:
    schema = dict(_schema(item))
    if {"apiVersion", "kind", "metadata"} <= schema.get("properties", {}).keys():
        package, version, kind = item["name"].split(".")[-3:]
        named = {"group": _GROUPS[package], "version": version, "kind": kind}
        schema["x-kubernetes-group-version-kind"] = [named]
    return schema


def _schema(kind: Mapping[str, Any]) -> Schema:
    """Return a type, or a reference to one, as the OpenAPI schema that an API server reads the same type off."""
    if "namedType" in kind:
        name = kind["namedType"]
        schema = _OWN_NAMES.get(name, {"$ref": REFERENCE_PREFIX + name})
        if "elementRelationship" in kind:
            return {**schema, "x-kubernetes-map-type": _map_type(kind["elementRelationship"])}
        return schema
    if "scalar" in kind and "map" in kind:
        return _OWN_NAMES["__untyped_deduced_"]
    if "list" in kind:
        return _list_schema(kind["list"])
    if "map" in kind:
        return _map_schema(kind["map"])
    return _SCALARS[kind["scalar"]]


def _list_schema(kind: Mapping[str, Any]) -> Schema:
    schema = {"type": "array", "items": _schema(kind["elementType"])}
    if kind["elementRelationship"] == "atomic":
        return {**schema, "x-kubernetes-list-type": "atomic"}
    if "keys" in kind:
        return {**schema, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": kind["keys"]}
    return {**schema, "x-kubernetes-list-type": "set"}


def _map_schema(kind: Mapping[str, Any]) -> Schema:
    schema: dict[str, Any] = {"type": "object"}
    if kind.get("fields"):
        schema["properties"] = {field["name"]: _field_schema(field) for field in kind["fields"]}
    schema["additionalProperties"] = _schema(kind["elementType"]) if "elementType" in kind else False
    if "elementRelationship" in kind:
        schema["x-kubernetes-map-type"] = _map_type(kind["elementRelationship"])
    return schema


def _field_schema(field: Mapping[str, Any]) -> Schema:
    schema = _schema(field["type"])
    return {**schema, "default": field["default"]} if "default" in field else schema


def _map_type(relationship: str) -> str:
    return "atomic" if relationship == "atomic" else "granular"


def _name() -> str:
    return f"rare-{NEWEST}.json.gz"


def main(arguments: list[str]) -> None:
    """Write the file beside this one from the two files of a folder."""
    folder = Path(arguments[0])
    types = yaml.safe_load(folder.joinpath(f"merge-schema-v{NEWEST}.yaml").read_bytes())["types"]
    known = json.loads(folder.joinpath(f"schemas-v{NEWEST}.json").read_bytes())
    Path(__file__).with_name(_name()).write_bytes(pack(types, known))


if __name__ == "__main__":
    main(sys.argv[1:])
