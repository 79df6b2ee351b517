from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from admission.jsonschema import any_schema, json_schema
from admission.kinds import KINDS, FieldType, Listed, Struct

ROOT = Path(__file__).parent.parent


def faults(schema: Any, value: Any, path: str = "") -> Iterator[str]:
    """Yield what the few words that our schemas use say against a value."""
    types = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}
    if "type" in schema and not isinstance(value, types[schema["type"]]):
        yield f"{path}: no {schema['type']}"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{path}: not {schema['const']}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: none of {schema['enum']}"
    if isinstance(value, dict):
        properties, rest = schema.get("properties", {}), schema.get("additionalProperties", {})
        yield from (f"{path}.{name}: missing" for name in schema.get("required", ()) if name not in value)
        for name, inner in value.items():
            of = properties.get(name, rest)
            if of is False:
                yield f"{path}.{name}: unknown"
            else:
                yield from faults(of, inner, f"{path}.{name}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from faults(schema.get("items", {}), inner, f"{path}[{index}]")


def fields(of: FieldType) -> Iterator[str]:
    if isinstance(of, Listed):
        yield from fields(of.item)
    elif isinstance(of, Struct):
        for name, inner in of.fields.items():
            yield name
            yield from fields(inner)


def test_the_schemas_take_every_bundled_policy() -> None:
    files = list((ROOT / "policies").rglob("*.yaml"))
    documents = [
        item for file in files for item in yaml.safe_load_all(file.read_text("utf-8")) if isinstance(item, dict)
    ]
    policies = [item for item in documents if item.get("kind") in KINDS]
    assert len(policies) > 20
    for item in policies:
        assert list(faults(json_schema(KINDS[item["kind"]]), item)) == []


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_schema_of_a_kind_names_all_its_fields(kind: str) -> None:
    schema = json_schema(KINDS[kind])
    assert schema["title"] == kind
    assert schema["description"]
    assert set(schema["properties"]) == set(KINDS[kind].schema.fields)
    text = repr(schema)
    assert all(f"'{name}'" in text for name in fields(KINDS[kind].schema))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"reason": "r", "owner": "o"}, ".spec.policyRefs: missing"),
        ({"policyRefs": [{"name": "p", "validations": ["0"]}], "reason": "r", "owner": "o"}, "no integer"),
        ({"policyRefs": [], "reason": "r", "owner": "o", "until": "x"}, ".spec.until: unknown"),
        ({"policyRefs": [], "reason": 1, "owner": "o"}, ".spec.reason: no string"),
        ({"policyRefs": [], "reason": "r", "owner": "o", "matchResources": {"matchPolicy": "x"}}, "none of"),
    ],
)
def test_an_exemption_that_does_not_fit_is_refused(spec: dict[str, Any], said: str) -> None:
    document = {
        "apiVersion": "admission.dev/v1alpha1",
        "kind": "PolicyExemption",
        "metadata": {"name": "e"},
        "spec": spec,
    }
    [fault] = faults(json_schema(KINDS["PolicyExemption"]), document)
    assert said in fault


def test_all_kinds_are_in_one_schema() -> None:
    schema = any_schema(KINDS.values())
    assert schema["properties"]["kind"]["enum"] == list(KINDS)
    assert set(schema["definitions"]) == set(KINDS)
    assert [branch["then"]["$ref"] for branch in schema["allOf"]] == [f"#/definitions/{name}" for name in KINDS]
