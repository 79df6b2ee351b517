"""Schemas as CEL types."""

from __future__ import annotations

from typing import Any

import pytest

from admission.cel import types
from admission.cel.types import Type, list_of, map_of, struct
from admission.schema.bundle import bundled
from admission.schema.definitions import Definitions, KindName
from admission.schema.object_types import ObjectTypes, escape

KIND = KindName("example.com", "v1", "Thing")


@pytest.fixture(scope="module")
def definitions() -> Definitions:
    return bundled()


def thing(definitions: Definitions, *, exact: bool = False, **properties: Any) -> ObjectTypes:
    schema = {
        "type": "object",
        "properties": {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, **properties},
        "x-kubernetes-group-version-kind": [{"group": KIND.group, "version": KIND.version, "kind": KIND.kind}],
    }
    known = {"Recursive": {"type": "object", "properties": {"inner": {"$ref": "#/components/schemas/Recursive"}}}}
    declared = ObjectTypes(Definitions({"Thing": schema, **known}, ()), exact=exact)
    assert declared.declare(KIND) == struct("Thing")
    return declared


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("apiVersion", types.STRING),
        ("metadata", struct("Deployment.metadata")),
        ("metadata.labels", map_of(types.STRING, types.STRING)),
        ("metadata.creationTimestamp", types.TIMESTAMP),
        ("metadata.namespace", types.STRING),
        ("metadata.generation", types.INT),
        ("spec.replicas", types.INT),
        ("spec.paused", types.BOOL),
        ("spec.strategy.rollingUpdate.maxSurge", types.DYN),
        ("spec.template.spec.containers", list_of(struct("Deployment.spec.template.spec.containers.@idx"))),
        ("spec.template.spec.containers.@idx.image", types.STRING),
        ("spec.template.spec.containers.@idx.args", list_of(types.STRING)),
        ("spec.template.spec.containers.@idx.resources.limits", map_of(types.STRING, types.DYN)),
        ("nope", None),
        ("spec.template.spec.containrs", None),
    ],
)
def test_fields_of_built_in_kinds_have_types(path: str, expected: Type | None, definitions: Definitions) -> None:
    declared = ObjectTypes(definitions)
    assert declared.declare(KindName("apps", "v1", "Deployment")) == struct("Deployment")
    name = "Deployment"
    *parents, last = path.replace(".@idx", "[").split(".")
    for part in parents:
        field = part.removesuffix("[")
        declared.field(name, field)
        name += f".{field}" + (".@idx" if part != field else "")
    assert declared.field(name, last) == expected


def test_what_the_api_server_cannot_type_is_dyn_or_with_exact_absent(definitions: Definitions) -> None:
    free: dict[str, Any] = {
        "quantity": {"oneOf": [{"type": "string"}, {"type": "number"}]},
        "anything": {},
        "quantities": {"type": "object", "additionalProperties": {"oneOf": [{"type": "string"}]}},
        "list": {"type": "array"},
        "raw": {"type": "object"},
    }
    lenient = thing(definitions, **free)
    assert [lenient.field("Thing", field) for field in free] == [
        types.DYN,
        types.DYN,
        map_of(types.STRING, types.DYN),
        list_of(types.DYN),
        types.DYN,
    ]
    exact = thing(definitions, exact=True, **free)
    assert [exact.field("Thing", field) for field in free] == [None, None, None, None, struct("Thing.raw")]


def test_a_schema_within_itself_goes_on_or_with_exact_ends(definitions: Definitions) -> None:
    inner = {"$ref": "#/components/schemas/Recursive"}
    lenient = thing(definitions, inner=inner)
    assert lenient.field("Thing", "inner") == struct("Thing.inner")
    assert lenient.field("Thing.inner", "inner") == struct("Thing.inner.inner")
    assert lenient.field("Thing.inner.inner", "inner") == struct("Thing.inner.inner.inner")
    exact = thing(definitions, exact=True, inner=inner)
    assert exact.field("Thing", "inner") == struct("Thing.inner")
    assert exact.field("Thing.inner", "inner") == struct("Thing.inner.inner")
    assert exact.field("Thing.inner.inner", "inner") is None


def test_unknown_fields_may_be_kept_where_the_schema_says_so(definitions: Definitions) -> None:
    kept = {"type": "object", "properties": {"a": {"type": "string"}}, "x-kubernetes-preserve-unknown-fields": True}
    lenient = thing(definitions, kept=kept)
    assert lenient.field("Thing", "kept") == struct("Thing.kept")
    assert lenient.field("Thing.kept", "a") == types.STRING
    assert lenient.field("Thing.kept", "b") == types.DYN
    exact = thing(definitions, exact=True, kept=kept)
    assert exact.field("Thing", "kept") == struct("Thing.kept")
    assert exact.field("Thing.kept", "b") is None


def test_formats_and_escaped_names(definitions: Definitions) -> None:
    fields: dict[str, Any] = {
        "data": {"type": "string", "format": "byte"},
        "every": {"type": "string", "format": "duration"},
        "day": {"type": "string", "format": "date"},
        "ratio": {"type": "number"},
        "port": {"x-kubernetes-int-or-string": True},
        "a-b": {"type": "string"},
        "namespace": {"type": "string"},
        "ä": {"type": "string"},
    }
    declared = thing(definitions, **fields)
    assert declared.field("Thing", "data") == types.BYTES
    assert declared.field("Thing", "every") == types.DURATION
    assert declared.field("Thing", "day") == types.TIMESTAMP
    assert declared.field("Thing", "ratio") == types.DOUBLE
    assert declared.field("Thing", "port") == types.DYN
    assert declared.field("Thing", "a__dash__b") == types.STRING
    assert declared.field("Thing", "namespace") == types.STRING
    assert declared.field("Thing", "__namespace__") == types.STRING
    assert "namespace" in set(declared.field_names("Thing"))
    assert "ä" not in set(declared.field_names("Thing"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("replicas", "replicas"),
        ("a-b.c/d", "a__dash__b__dot__c__slash__d"),
        ("a__b", "a__underscores__b"),
        ("_", "_"),
        ("for", "__for__"),
        ("1a", None),
        ("", None),
        ("a b", None),
        ("$ref", None),
    ],
)
def test_names_are_escaped_as_upstream(name: str, expected: str | None) -> None:
    assert escape(name) == expected


def test_unknown_kinds_have_no_type(definitions: Definitions) -> None:
    assert ObjectTypes(definitions).declare(KindName("apps", "v1", "Nope")) is None
