from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from admission.building import build, defaulted, read
from admission.decoding import decode
from admission.policy import (
    Action,
    Binding,
    Expression,
    FailurePolicy,
    LabelRequirement,
    LabelSelector,
    Match,
    MutatingPolicy,
    ParamKind,
    ParamRef,
    Rule,
    ValidatingPolicy,
)

API_VERSION = "admissionregistration.k8s.io/v1"


def _object(kind: str, spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": "n", **metadata}, "spec": spec}


def _validating(spec: dict[str, Any], **metadata: Any) -> ValidatingPolicy:
    policy = read(_object("ValidatingAdmissionPolicy", spec, **metadata))
    assert isinstance(policy, ValidatingPolicy)
    return policy


def _binding(kind: str, spec: dict[str, Any], **metadata: Any) -> Binding:
    binding = read(_object(kind, spec, **metadata))
    assert isinstance(binding, Binding)
    return binding


def test_a_policy_gets_the_defaults_of_the_api_server() -> None:
    policy = _validating({"matchConstraints": {"resourceRules": [{"operations": ["*"]}]}})
    assert policy.failure_policy is FailurePolicy.FAIL
    assert policy.match == Match(rules=(Rule(operations=("*",), scope="*"),))
    assert policy.match.namespace_selector == LabelSelector()


def test_without_defaults_an_absent_selector_is_none() -> None:
    stored = _object("ValidatingAdmissionPolicy", {"matchConstraints": {"resourceRules": []}})
    policy = read(stored, defaults=False)
    assert isinstance(policy, ValidatingPolicy)
    assert policy.match == Match(match_policy="Exact", namespace_selector=None, object_selector=None)


def test_every_field_of_a_validating_policy_is_read() -> None:
    policy = _validating(
        {
            "failurePolicy": "Ignore",
            "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
            "matchConstraints": {
                "matchPolicy": "Exact",
                "resourceRules": [
                    {
                        "apiGroups": ["apps"],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE"],
                        "resources": ["deployments"],
                        "resourceNames": ["a"],
                        "scope": "Namespaced",
                    }
                ],
                "excludeResourceRules": [{"operations": ["UPDATE"]}],
                "objectSelector": {
                    "matchLabels": {"b": "2", "a": "1"},
                    "matchExpressions": [{"key": "k", "operator": "In", "values": ["x"]}],
                },
            },
            "matchConditions": [{"name": "c", "expression": "1"}],
            "variables": [{"name": "v", "expression": "2"}],
            "validations": [{"expression": "3", "message": "m", "messageExpression": "4", "reason": "Invalid"}],
            "auditAnnotations": [{"key": "k", "valueExpression": "5"}],
        },
        labels={"l": "1"},
        annotations={"admission.dev/pod-templates": "true"},
    )
    assert (policy.failure_policy, policy.param_kind) == (FailurePolicy.IGNORE, ParamKind("v1", "ConfigMap"))
    match = policy.match
    assert match is not None
    assert match.rules == (Rule(("CREATE",), ("apps",), ("v1",), ("deployments",), ("a",), "Namespaced"),)
    assert match.exclude_rules == (Rule(operations=("UPDATE",)),)
    assert match.object_selector == LabelSelector(
        (LabelRequirement("a", "In", ("1",)), LabelRequirement("b", "In", ("2",)), LabelRequirement("k", "In", ("x",)))
    )
    assert policy.match_conditions[0].expression == Expression("1", "spec.matchConditions[0].expression")
    assert policy.variables[0].expression == Expression("2", "spec.variables[0].expression")
    validation = policy.validations[0]
    assert validation.expression == Expression("3", "spec.validations[0].expression")
    assert validation.message_expression == Expression("4", "spec.validations[0].messageExpression")
    assert (validation.message, validation.reason) == ("m", "Invalid")
    assert policy.audit_annotations[0].expression == Expression("5", "spec.auditAnnotations[0].valueExpression")
    assert policy.pod_templates
    assert policy.labels == {"l": "1"}


def test_a_mutation_has_the_expression_of_its_patch_type() -> None:
    policy = read(
        _object(
            "MutatingAdmissionPolicy",
            {
                "reinvocationPolicy": "IfNeeded",
                "mutations": [
                    {"patchType": "JSONPatch", "jsonPatch": {"expression": "a"}},
                    {"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": "b"}},
                    {"patchType": "ApplyConfiguration", "jsonPatch": {"expression": "c"}},
                ],
            },
        )
    )
    assert isinstance(policy, MutatingPolicy)
    assert policy.reinvocation_policy == "IfNeeded"
    assert [(one.patch_type, one.expression.text, one.expression.field) for one in policy.mutations] == [
        ("JSONPatch", "a", "spec.mutations[0].jsonPatch.expression"),
        ("ApplyConfiguration", "b", "spec.mutations[1].applyConfiguration.expression"),
        ("ApplyConfiguration", "", "spec.mutations[2].applyConfiguration.expression"),
    ]


def test_a_binding_says_what_happens_where_and_with_what() -> None:
    binding = _binding(
        "ValidatingAdmissionPolicyBinding",
        {
            "policyName": "p",
            "paramRef": {"name": "a", "namespace": "b", "parameterNotFoundAction": "Allow"},
            "matchResources": {"namespaceSelector": {"matchLabels": {"x": "y"}}},
            "validationActions": ["Warn", "Audit"],
        },
        annotations={"admission.dev/pod-template-actions": "[Audit]"},
    )
    assert (binding.kind, binding.policy_name) == ("Validating", "p")
    assert binding.param_ref == ParamRef("a", "b", None, "Allow")
    assert binding.match == Match(namespace_selector=LabelSelector((LabelRequirement("x", "In", ("y",)),)))
    assert binding.actions == (Action.WARN, Action.AUDIT)
    assert binding.pod_template_actions == (Action.AUDIT,)


def test_a_binding_without_match_resources_matches_wherever_its_policy_does() -> None:
    binding = _binding("MutatingAdmissionPolicyBinding", {"policyName": "p"})
    assert (binding.kind, binding.match, binding.actions, binding.pod_template_actions) == ("Mutating", None, (), None)


def test_an_empty_selector_of_params_is_not_an_absent_one() -> None:
    spec = {"policyName": "p", "paramRef": {"selector": {}}}
    reference = _binding("ValidatingAdmissionPolicyBinding", spec).param_ref
    assert reference is not None
    assert reference.selector == LabelSelector()


def test_v1alpha1_denies_when_params_are_missing() -> None:
    data = _object("ValidatingAdmissionPolicyBinding", {"policyName": "p", "paramRef": {"name": "a"}})
    actions = []
    for version in ("v1", "v1alpha1"):
        binding = read({**data, "apiVersion": f"admissionregistration.k8s.io/{version}"})
        assert isinstance(binding, Binding)
        assert binding.param_ref is not None
        actions.append(binding.param_ref.not_found_action)
    assert actions == ["", "Deny"]


def test_what_nobody_knows_fails_closed() -> None:
    assert _validating({"failurePolicy": "Perhaps"}).failure_policy is FailurePolicy.FAIL
    spec = {"policyName": "p", "validationActions": ["Audit", "Shout", "Deny"]}
    assert _binding("ValidatingAdmissionPolicyBinding", spec).actions == (Action.AUDIT, Action.DENY)


def test_defaults_leave_the_object_alone() -> None:
    data = _object("ValidatingAdmissionPolicy", {"matchConstraints": {"resourceRules": [{}]}})
    before = json.dumps(data)
    build(defaulted(decode(data)))
    assert json.dumps(data) == before


def test_every_recorded_policy_is_read_without_a_fault(assets: Path) -> None:
    for file in sorted((assets / "golden").glob("*.json")):
        case = json.loads(file.read_text("utf-8"))
        for data in (case["policy"], case["binding"]):
            content = decode(data)
            assert content.faults == (), file.name
            assert build(defaulted(content)).name == data["metadata"]["name"]
