"""Merge types, read off schemas: keys, sets, pieces, and what takes anything."""

from __future__ import annotations

from typing import Any

import pytest

from admission.schema.bundle import bundled
from admission.schema.definitions import Definitions, KindName
from admission.schema.merging import Atom, MergeTypes


@pytest.fixture(scope="module")
def types() -> MergeTypes:
    native = bundled()
    return MergeTypes(native, native)


def at(types: MergeTypes, kind: KindName, *path: str) -> Atom:
    reference = types.of(kind)
    assert reference is not None
    for step in path:
        atom = reference.resolve()
        if step == "[]":
            assert atom.list is not None
            reference = atom.list.element
        else:
            assert atom.map is not None
            field = atom.map.fields.get(step)
            inner = field.type if field is not None else atom.map.element
            assert inner is not None, step
            reference = inner
    return reference.resolve()


POD = KindName("", "v1", "Pod")


@pytest.mark.parametrize(
    ("path", "associative", "keys"),
    [
        (("spec", "containers"), True, ("name",)),
        (("spec", "containers", "[]", "ports"), True, ("containerPort", "protocol")),
        (("spec", "containers", "[]", "env"), True, ("name",)),
        (("spec", "containers", "[]", "args"), False, ()),
        (("spec", "tolerations"), False, ()),
        (("metadata", "finalizers"), True, ()),
        (("metadata", "ownerReferences"), True, ("uid",)),
    ],
)
def test_lists(types: MergeTypes, path: tuple[str, ...], associative: bool, keys: tuple[str, ...]) -> None:
    found = at(types, POD, *path).list
    assert found is not None
    assert (found.associative, found.keys) == (associative, keys)


@pytest.mark.parametrize(
    ("path", "atomic"),
    [
        (("spec",), False),
        (("spec", "nodeSelector"), True),
        (("spec", "imagePullSecrets", "[]"), True),
        (("metadata", "labels"), False),
        (("spec", "containers", "[]", "env", "[]", "valueFrom", "secretKeyRef"), True),
    ],
)
def test_maps(types: MergeTypes, path: tuple[str, ...], atomic: bool) -> None:
    found = at(types, POD, *path).map
    assert found is not None
    assert found.atomic is atomic


def test_scalars(types: MergeTypes) -> None:
    assert at(types, POD, "spec", "hostNetwork").scalar == "boolean"
    assert at(types, POD, "spec", "terminationGracePeriodSeconds").scalar == "numeric"
    assert at(types, POD, "spec", "nodeName").scalar == "string"
    assert at(types, POD, "spec", "containers", "[]", "resources", "limits", "cpu").scalar == "untyped"


def test_an_absent_key_has_its_default(types: MergeTypes) -> None:
    port = at(types, POD, "spec", "containers", "[]", "ports", "[]").map
    assert port is not None
    assert port.fields["protocol"].default == "TCP"


def test_kinds_that_are_not_known(types: MergeTypes) -> None:
    assert types.of(KindName("acme.io", "v1", "Thing")) is None
    assert not types.serves(KindName("acme.io", "v1", "Thing"))
    assert types.serves(KindName("apps", "v1", "Nothing"))


def custom(schema: dict[str, Any]) -> Atom:
    named = {"group": "acme.io", "version": "v1", "kind": "Thing"}
    definitions = Definitions({"x": {**schema, "x-kubernetes-group-version-kind": [named]}}, [])
    return at(MergeTypes(definitions, definitions), KindName("acme.io", "v1", "Thing"))


def test_a_schema_without_type_takes_anything() -> None:
    found = custom({})
    assert found.scalar == "untyped"
    assert found.list is not None
    assert found.map is not None


def test_an_object_without_properties_takes_any_and_one_with_them_no_others() -> None:
    free, closed = custom({"type": "object"}).map, custom({"type": "object", "properties": {"a": {}}}).map
    assert free is not None
    assert free.element is not None
    assert closed is not None
    assert closed.element is None


def test_keeping_unknown_fields_holds_for_what_is_inside() -> None:
    inner = {"type": "object", "properties": {"b": {"type": "string"}}}
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"a": inner}}
    outer = custom(schema).map
    assert outer is not None
    nested = outer.fields["a"].type.resolve().map
    assert nested is not None
    assert nested.element is not None
