"""Kinds that an API server only serves when told to, and whether all merge types are those that upstream has."""

from __future__ import annotations

import gzip
import json
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from admission.schema.bundle import bundled
from admission.schema.definitions import REFERENCE_PREFIX, KindName
from admission.schema.merging import Atom, Field, MergeTypes, TypeReference
from admission.schema.rare import pack, rare

OTHERWISE: Final = {
    "io.k8s.apimachinery.pkg.runtime.RawExtension",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
    "__untyped_atomic_",
    "__untyped_deduced_",
}
"""Types that client-go describes otherwise than an API server, which reads them off its own schemas."""


@pytest.fixture(scope="module")
def types() -> MergeTypes:
    common = bundled()
    return MergeTypes(common, common, rare=lambda: rare(common))


def test_a_beta_kind_is_merged_like_the_kind_it_became(types: MergeTypes) -> None:
    old, new = (types.of(KindName("apps", version, "Deployment")) for version in ("v1beta1", "v1"))
    assert old is not None
    assert new is not None
    assert containers(old).keys == containers(new).keys == ("name",)
    assert types.serves(KindName("apps", "v1beta1", "Nothing"))


def containers(reference: TypeReference) -> Any:
    for field in ("spec", "template", "spec", "containers"):
        found = reference.resolve().map
        assert found is not None
        reference = found.fields[field].type
    return reference.resolve().list


def test_kinds_of_no_version_at_all_are_not_known(types: MergeTypes) -> None:
    assert types.of(KindName("apps", "v1beta1", "Nothing")) is None
    assert not types.serves(KindName("apps", "v0", "Deployment"))


def test_the_file_is_made_of_the_merge_schema(shared: Path) -> None:
    folder = shared / "kubernetes"
    merge_types = yaml.load((folder / "merge-schema-v1.36.yaml").read_bytes(), Loader=yaml.CSafeLoader)["types"]
    known = json.loads((folder / "schemas-v1.36.json").read_bytes())
    packed = files("admission.schema").joinpath("rare-1.36.json.gz").read_bytes()
    assert json.loads(gzip.decompress(packed)) == json.loads(gzip.decompress(pack(merge_types, known)))


def test_every_merge_type_is_upstreams(shared: Path) -> None:
    text = (shared / "kubernetes" / "merge-schema-v1.36.yaml").read_bytes()
    upstream = {item["name"]: item for item in yaml.load(text, Loader=yaml.CSafeLoader)["types"]}
    comparison = Comparison([name for name in upstream if name not in OTHERWISE])
    assert [name for name in comparison.names if not comparison.same(upstream[name], comparison.named(name))] == []


class Comparison:
    """Our types beside upstream's, by name; a kind that has a field for each type makes them accessible."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        kind = KindName("all", "v1", "All")
        fields = {name: {"$ref": REFERENCE_PREFIX + name} for name in names}
        schema = {"type": "object", "properties": fields, "x-kubernetes-group-version-kind": [asdict(kind)]}
        packed = files("admission.schema").joinpath("rare-1.36.json.gz").read_bytes()
        definitions = bundled().completing({"all": schema, **json.loads(gzip.decompress(packed))}, ())
        self._types = MergeTypes(definitions, definitions)
        found = self._types.of(kind)
        assert found is not None
        everything = found.resolve().map
        assert everything is not None
        self._fields = everything.fields

    def named(self, name: str) -> Atom:
        return self._fields[name].type.resolve()

    def same(self, upstream: dict[str, Any], atom: Atom) -> bool:
        """Return whether a type is upstream's, names inside of it being taken for what they name."""
        if "namedType" in upstream:
            return self._same_name(upstream, atom)
        return (
            atom.scalar == upstream.get("scalar")
            and self._same_list(upstream.get("list"), atom)
            and self._same_map(upstream.get("map"), atom)
        )

    def _same_name(self, upstream: dict[str, Any], atom: Atom) -> bool:
        name = upstream["namedType"]
        if name == "__untyped_atomic_":
            return atom is self._types.untyped.resolve()
        if name == "__untyped_deduced_" or name.endswith(".IntOrString"):
            return atom.scalar == "untyped" and atom.map is not None and not atom.map.atomic
        if name.endswith(".RawExtension"):
            return atom is self._types.untyped.resolve()
        target = self.named(name)
        if "elementRelationship" not in upstream:
            return atom is target
        atomic = upstream["elementRelationship"] == "atomic"
        return atom.map is not None and atom.map.atomic is atomic and atom.map.fields is (target.map or atom.map).fields

    def _same_list(self, upstream: dict[str, Any] | None, atom: Atom) -> bool:
        if upstream is None or atom.list is None:
            return upstream is None and atom.list is None
        return (
            atom.list.associative is (upstream["elementRelationship"] == "associative")
            and list(atom.list.keys) == upstream.get("keys", [])
            and self.same(upstream["elementType"], atom.list.element.resolve())
        )

    def _same_map(self, upstream: dict[str, Any] | None, atom: Atom) -> bool:
        if upstream is None or atom.map is None:
            return upstream is None and atom.map is None
        fields = {field["name"]: field for field in upstream.get("fields", ())}
        element = upstream.get("elementType")
        return (
            atom.map.atomic is (upstream.get("elementRelationship") == "atomic")
            and atom.map.fields.keys() == fields.keys()
            and all(self._same_field(fields[name], field) for name, field in atom.map.fields.items())
            and (atom.map.element is None) is (element is None)
            and (element is None or atom.map.element is None or self.same(element, atom.map.element.resolve()))
        )

    def _same_field(self, upstream: dict[str, Any], field: Field) -> bool:
        return field.default == upstream.get("default") and self.same(upstream["type"], field.type.resolve())
