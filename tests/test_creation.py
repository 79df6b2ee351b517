from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from admission.building import defaulted
from admission.compiler import ExpressionCompiler
from admission.creation import creation_errors
from admission.decoding import decode
from admission.fielderror import FieldError, rejection
from admission.kinds import KINDS

ASSETS = Path(__file__).parent / "assets"
CASES = [
    json.loads(line) for line in (ASSETS / "kubernetes-policies" / "validation.jsonl").read_text("utf-8").splitlines()
]
COMPILER = ExpressionCompiler()


@pytest.fixture(scope="module")
def compiler() -> ExpressionCompiler:
    return COMPILER


def _errors(data: dict[str, Any], compiler: ExpressionCompiler) -> list[FieldError]:
    return creation_errors(defaulted(decode(data)), compiler)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_api_server_refuses_the_same_fields_for_the_same_reasons(
    case: dict[str, Any], compiler: ExpressionCompiler
) -> None:
    content = decode(case["object"])
    found = [
        {"type": error.type.value, "field": error.field, "detail": error.detail.partition("\n")[0]}
        for error in creation_errors(defaulted(content), compiler)
    ]
    assert found == case["errors"]
    assert [fault.message for fault in content.faults] == ([case["decode_error"]] if "decode_error" in case else [])


def test_a_refusal_has_the_recorded_text(assets: Path, compiler: ExpressionCompiler) -> None:
    refused = 0
    for file in sorted((assets / "golden").glob("*.json")):
        case = json.loads(file.read_text("utf-8"))
        content = defaulted(decode(case["policy"]))
        errors = creation_errors(content, compiler)
        if "rejected" in case:
            refused += 1
            assert rejection(content.kind.group_kind, content.name, errors) == case["rejected"]["message"]
        else:
            assert errors == [], file.name
        assert _errors(case["binding"], compiler) == []
    assert refused == 1


def _policy(spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "n", **metadata},
        "spec": {"matchConstraints": {"resourceRules": [rule]}, "validations": [{"expression": "true"}], **spec},
    }


@pytest.mark.parametrize(
    ("spec", "texts"),
    [
        (
            {"validations": [{"expression": "true", "message": "a\nb"}]},
            ['spec.validations[0].message: Invalid value: "a\\nb": must not contain line breaks'],
        ),
        (
            {"matchConditions": [{"name": "a", "expression": "true"}, {"name": "a", "expression": " "}]},
            [
                "spec.matchConditions[1].expression: Required value",
                'spec.matchConditions[1].name: Duplicate value: "a"',
            ],
        ),
        (
            {"paramKind": {"apiVersion": "a/", "kind": "1"}},
            [
                'spec.paramKind.apiVersion: Invalid value: "a/": version must be specified',
                'spec.paramKind.kind: Invalid value: "1": may have mixed case, but should otherwise match: a DNS-1035 ',
            ],
        ),
        (
            {"auditAnnotations": [{"key": "k", "valueExpression": "'a'"}, {"key": "k", "valueExpression": " "}]},
            [
                "spec.auditAnnotations[1].valueExpression: Required value: valueExpression is not specified",
                'spec.auditAnnotations[1].key: Duplicate value: "k"',
            ],
        ),
        (
            {
                "matchConstraints": {
                    "resourceRules": [],
                    "matchPolicy": "x",
                    "objectSelector": {"matchLabels": {"": "-"}},
                }
            },
            [
                'spec.matchConstraints.matchPolicy: Unsupported value: "x": supported values: "Equivalent", "Exact"',
                'spec.matchConstraints.objectSelector.matchLabels: Invalid value: "": name part must be non-empty',
                'spec.matchConstraints.objectSelector.matchLabels: Invalid value: "": name part must consist of ',
                'spec.matchConstraints.objectSelector.matchLabels: Invalid value: "-": a valid label must be ',
                "spec.matchConstraints.resourceRules: Required value",
            ],
        ),
        (
            {"validations": [{"expression": "true || int('x') == 1"}]},
            ["spec.validations[0].expression: Internal error: program instantiation failed: "],
        ),
    ],
)
def test_rules_beyond_the_recorded_cases(spec: dict[str, Any], texts: list[str], compiler: ExpressionCompiler) -> None:
    found = [str(error) for error in _errors(_policy(spec), compiler)]
    assert [error[: len(text)] for error, text in zip(found, texts, strict=True)] == texts


def test_metadata_is_judged_as_everywhere(compiler: ExpressionCompiler) -> None:
    metadata = {
        "name": "a" * 254,
        "generateName": "A_-",
        "namespace": "x",
        "generation": -1,
        "labels": {"a/b/c": "-"},
        "annotations": {"UPPER": "is fine", "-": "x" * 300_000},
        "finalizers": ["/"],
    }
    fields = [error.field for error in _errors(_policy({}, **metadata), compiler)]
    assert fields == [
        "metadata.generateName",
        "metadata.name",
        "metadata.namespace",
        "metadata.generation",
        "metadata.labels",
        "metadata.labels",
        "metadata.annotations",
        "metadata.annotations",
        "metadata.finalizers",
        "metadata.finalizers",
        "metadata.finalizers",
    ]
    assert _errors(_policy({}, name="", generateName="a-"), compiler) == []


def test_upstreams_order_of_resources_is_kept(compiler: ExpressionCompiler) -> None:
    def fine(*resources: str) -> bool:
        rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": list(resources)}
        return not _errors(_policy({"matchConstraints": {"resourceRules": [rule]}}), compiler)

    assert fine("pods/exec", "pods/*")
    assert not fine("pods/*", "pods/exec")
    assert fine("pods", "*")
    assert not fine("*", "pods")


_FIELDS = [
    *("validations", "expression", "message", "matchConstraints", "resourceRules", "operations", "resources", "name"),
    *("mutations", "patchType", "jsonPatch", "paramRef", "selector", "matchExpressions", "variables", "policyName"),
]
_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.sampled_from(["*", "Deny", "true", "1 +"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_FIELDS), inner, max_size=5),
    max_leaves=20,
)


@settings(max_examples=100)
@given(st.sampled_from(sorted(KINDS)), _values)
def test_any_spec_ends_in_errors_and_never_in_a_crash(kind: str, spec: Any) -> None:
    data = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": "n"}, "spec": spec}
    assert all(str(error) for error in _errors(data, COMPILER))
