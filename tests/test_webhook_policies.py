"""Policies of our own kinds: the upstream spec, and what upstream says elsewhere or has no word for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from admission.audit.masking import Masking
from admission.building import read
from admission.errors import LoadError
from admission.facts import FileFacts
from admission.loader import LoadResult, load_policies
from admission.policy import Action, PolicySet, ValidatingWebhookPolicy
from tests.judging import EVERYTHING, NAMESPACE, POD, Object, bound, config_map, mutate, request, validate, validating


def own(name: str, *expressions: str, actions: tuple[str, ...] = ("Deny",), **spec: Any) -> Object:
    annotations = spec.pop("annotations", {})
    return {
        "apiVersion": "admission.dev/v1alpha1",
        "kind": "ValidatingWebhookPolicy",
        "metadata": {"name": name, "annotations": annotations},
        "spec": {
            "matchConstraints": EVERYTHING,
            "validations": [{"expression": text, "message": "no"} for text in expressions],
            "validationActions": list(actions),
            **spec,
        },
    }


def own_mutating(name: str, *patches: str, **spec: Any) -> Object:
    return {
        "apiVersion": "admission.dev/v1alpha1",
        "kind": "MutatingWebhookPolicy",
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": [{**EVERYTHING["resourceRules"][0], "operations": ["CREATE"]}]},
            "reinvocationPolicy": "Never",
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": text}} for text in patches],
            **spec,
        },
    }


LABEL = '[JSONPatch{op: "add", path: "/metadata/labels", value: {"a": "b"}}]'
PARAMS: Object = {
    "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
    "paramRef": {"name": "limits", "parameterNotFoundAction": "Deny"},
}


def load(folder: Path, *objects: Object, **settings: Any) -> LoadResult:
    file = folder / "policies.yaml"
    file.write_text("\n---\n".join(json.dumps(item) for item in objects), "utf-8")
    return load_policies([file], **settings)


def faults(folder: Path, *objects: Object) -> list[str]:
    with pytest.raises(LoadError) as caught:
        load(folder, *objects)
    return [issue.message for issue in caught.value.issues]


def test_a_policy_of_our_own_denies_without_a_binding() -> None:
    decision = validate([own("p", "false")])
    assert not decision.allowed
    assert decision.status is not None
    assert decision.status.message == "ValidatingWebhookPolicy 'p' denied request: no"


def test_it_warns_without_naming_a_binding() -> None:
    assert validate([own("p", "false", actions=("Warn",))]).warnings == (
        "Validation failed for ValidatingWebhookPolicy 'p': no",
    )


def test_a_mutating_policy_of_our_own_changes_without_a_binding() -> None:
    decision = mutate([own_mutating("m", LABEL)])
    assert decision.patch == ({"op": "add", "path": "/metadata/labels", "value": {"a": "b"}},)


def test_a_mutating_policy_of_our_own_that_fails_is_named() -> None:
    decision = mutate([own_mutating("m", "object.nothing")])
    assert decision.status is not None
    assert decision.status.message.startswith('policy "m" denied request: ')
    assert Masking(PolicySet()).masked(decision, request()).status == decision.status


def test_params_are_named_inline() -> None:
    policy = own("p", "params.data.max == '1'", **PARAMS)
    assert validate([policy], facts=FileFacts([NAMESPACE, config_map("limits", max="1")])).allowed
    assert not validate([policy], facts=FileFacts([NAMESPACE, config_map("limits", max="2")])).allowed
    assert not validate([policy], facts=FileFacts([NAMESPACE])).allowed


@pytest.mark.parametrize(("templates", "allowed"), [(True, False), (False, True)])
def test_pod_templates_are_a_field(templates: bool, allowed: bool) -> None:
    rule = {"apiGroups": [""], "apiVersions": ["*"], "operations": ["*"], "resources": ["pods"]}
    policy = own("p", "false", podTemplates=templates, matchConstraints={"resourceRules": [rule]})
    document = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": {"spec": POD["spec"]}}}
    asked = request(document, kind=("apps", "v1", "Deployment"), resource="deployments")
    assert validate([policy], asked).allowed is allowed


def test_actions_in_templates_may_differ() -> None:
    policy = read(own("p", "true", annotations={"admission.dev/pod-template-actions": "Audit"}))
    assert isinstance(policy, ValidatingWebhookPolicy)
    assert (policy.binding.actions, policy.binding.pod_template_actions) == ((Action.DENY,), (Action.AUDIT,))


def test_exemptable_is_a_field() -> None:
    exemption = {
        "apiVersion": "admission.dev/v1alpha1",
        "kind": "PolicyExemption",
        "metadata": {"name": "e"},
        "spec": {"policyRefs": [{"name": "p"}], "reason": "r", "owner": "o"},
    }
    assert validate([own("p", "false"), exemption]).allowed
    assert validate([own("p", "false", exemptable=True), exemption]).allowed
    assert not validate([own("p", "false", exemptable=False), exemption]).allowed


def test_its_expressions_have_the_extended_environment(tmp_path: Path) -> None:
    expression = "math.greatest(1, 2) == 2"
    assert validate([own("p", expression)]).allowed
    assert load(tmp_path, own("p", expression)).issues == ()
    assert any("undeclared reference to 'math'" in text for text in faults(tmp_path, validating("p", expression)))


def test_bindings_do_not_reach_it(tmp_path: Path) -> None:
    warn_only = own("p", "false", actions=("Warn",))
    assert validate([warn_only, bound("p", "Deny")]).allowed
    [issue] = load(tmp_path, warn_only, bound("p", "Deny")).issues
    assert issue.message == 'binding "p-binding" does nothing: there is no ValidatingAdmissionPolicy "p"'


def test_it_may_not_have_the_name_of_an_upstream_policy(tmp_path: Path) -> None:
    [message] = [text for text in faults(tmp_path, validating("p", "true"), own("p", "true")) if "same name" in text]
    assert message.startswith('ValidatingAdmissionPolicy "p" at ')


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (own("p", "true", actions=()), "spec.validationActions: Required value"),
        (own("p", "true", actions=("Deny", "Warn")), "must not contain both Deny and Warn"),
        (own("p", "true", actions=("deny",)), 'spec.validationActions[0]: Unsupported value: "deny"'),
        (own("p", "true", paramKind=PARAMS["paramKind"]), "spec.paramRef: Required value: must be specified with"),
        (own("p", "true", paramRef=PARAMS["paramRef"]), "spec.paramRef: Forbidden: may not be specified without"),
        (own("p", "1"), "spec.validations[0].expression: Invalid value"),
        (own("p", "true", podTemplates="yes"), "spec.podTemplates: must be true or false, but is a string"),
        (own("p", "true", validationAction=[]), 'unknown field "spec.validationAction"'),
        (own_mutating("m", LABEL, podTemplates=True), "spec.podTemplates: Forbidden"),
        (own_mutating("m"), "spec.mutations: Required value"),
        (own_mutating("m", LABEL, validationActions=["Deny"]), 'unknown field "spec.validationActions"'),
    ],
)
def test_faults_are_refused_as_the_api_server_refuses_them(policy: Object, message: str, tmp_path: Path) -> None:
    assert message in faults(tmp_path, policy)[0]


def test_annotations_that_are_fields_have_no_meaning(tmp_path: Path) -> None:
    annotations = {"admission.dev/pod-templates": "true", "admission.dev/exemptable": "false"}
    issues = load(tmp_path, own("p", "true", annotations=annotations)).issues
    assert {issue.message for issue in issues} == {f"annotation {name} has no meaning here" for name in annotations}
    assert {issue.severity for issue in issues} == {"warning"}
