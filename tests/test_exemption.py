from __future__ import annotations

import asyncio
from typing import Any

import pytest

from admission.audit.event import event
from admission.authorization import AuthorizationRules
from admission.decision import Decision, Finding, Outcome
from admission.facts import FileFacts
from admission.review import AdmissionRequest
from tests.judging import NAMESPACE, POD, Object, bound, engine, request, validating

NOW = 1_800_000_000.0
PAST, FUTURE = "2026-12-31T00:00:00Z", "2027-12-31T00:00:00Z"
TEAM: Object = {"expression": "has(object.metadata.labels)", "message": "labels are missing"}
NO_IMAGES: Object = {
    "expression": "object.spec.containers.all(c, !has(c.image))",
    "message": "images are not allowed",
}
ANYTHING: Object = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}


def exemption(*refs: str | Object, name: str = "legacy", namespace: str = "", **spec: Any) -> Object:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    named = [{"name": ref} if isinstance(ref, str) else ref for ref in refs]
    return {
        "apiVersion": "admission.dev/v1alpha1",
        "kind": "PolicyExemption",
        "metadata": metadata,
        "spec": {"policyRefs": named, "reason": "old", "owner": "ann", **spec},
    }


def judge(
    *objects: Object, asked: AdmissionRequest | None = None, facts: FileFacts | None = None, now: float | None = NOW
) -> Decision:
    wall = None if now is None else (lambda: now)
    return asyncio.run(engine(objects, facts, wall=wall).validate(asked or request()))


def policy(*validations: Object, **spec: Any) -> tuple[Object, Object]:
    return validating("strict", *(validations or (TEAM,)), **spec), bound("strict", "Deny")


def only(decision: Decision) -> Finding:
    [finding] = decision.findings
    return finding


def test_who_is_let_off_is_allowed_and_the_finding_says_so() -> None:
    decision = judge(*policy(), exemption("strict"))
    finding = only(decision)
    assert decision.allowed
    assert (finding.outcome, finding.actions, finding.exemption) == (Outcome.FAIL, (), "legacy")
    assert finding.message == "labels are missing"


def test_an_error_of_evaluation_is_let_off_too() -> None:
    decision = judge(*policy({"expression": "object.nothing.at.all == 1"}), exemption("strict"))
    assert decision.allowed
    assert (only(decision).outcome, only(decision).exemption) == (Outcome.ERROR, "legacy")


@pytest.mark.parametrize("action", ["Warn", "Audit"])
def test_nobody_is_warned_of_what_is_exempt(action: str) -> None:
    decision = judge(validating("strict", TEAM), bound("strict", action), exemption("strict"))
    assert (decision.warnings, decision.audit_annotations) == ((), {})


def test_other_policies_and_validations_deny_as_ever() -> None:
    other = (validating("other", TEAM), bound("other", "Deny"))
    decision = judge(*policy(TEAM, NO_IMAGES), *other, exemption({"name": "strict", "validations": [0]}))
    assert [(one.policy, one.index, one.exemption) for one in decision.findings] == [
        ("other", 0, None),
        ("strict", 0, "legacy"),
        ("strict", 1, None),
    ]
    assert not decision.allowed


def test_an_empty_list_of_validations_lets_nobody_off() -> None:
    assert not judge(*policy(), exemption({"name": "strict", "validations": []})).allowed


@pytest.mark.parametrize(
    ("spec", "allowed"),
    [
        ({}, True),
        ({"objectSelector": {"matchLabels": {"old": "yes"}}}, False),
        ({"namespaceSelector": {"matchLabels": {"env": "prod"}}}, True),
        ({"namespaceSelector": {"matchLabels": {"env": "test"}}}, False),
        ({"resourceRules": [{**ANYTHING, "resources": ["pods"]}]}, True),
        ({"resourceRules": [{**ANYTHING, "operations": ["UPDATE"]}]}, False),
    ],
)
def test_selectors_and_rules_say_who_is_let_off(spec: Object, allowed: bool) -> None:
    assert judge(*policy(), exemption("strict", matchResources=spec)).allowed is allowed


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("object.metadata.name == 'web'", True),
        ("object.metadata.name == 'db'", False),
        ("request.userInfo.username == 'ann' && oldObject == null", True),
        ("object.nothing.at.all == 1", False),
        ("object.", False),
        ("1", False),
    ],
)
def test_match_conditions_decide_and_errors_let_nobody_off(expression: str, allowed: bool) -> None:
    conditions = [{"name": "some", "expression": expression}]
    assert judge(*policy(), exemption("strict", matchConditions=conditions)).allowed is allowed


@pytest.mark.parametrize("allowed", [True, False])
def test_a_match_condition_may_ask_the_authorizer(allowed: bool) -> None:
    conditions = [
        {"name": "may", "expression": "authorizer.group('').resource('pods').check('exempt').allowed()"},
    ]
    rules = AuthorizationRules.parse([{"user": "ann", "verb": "exempt", "resource": "pods"}] if allowed else [])
    facts = FileFacts([NAMESPACE], authorization=rules)
    assert judge(*policy(), exemption("strict", matchConditions=conditions), facts=facts).allowed is allowed


def test_without_anybody_to_ask_a_condition_that_asks_lets_nobody_off() -> None:
    conditions = [{"name": "may", "expression": "!authorizer.group('').resource('pods').check('x').allowed()"}]
    assert not judge(*policy(), exemption("strict", matchConditions=conditions)).allowed


@pytest.mark.parametrize(("namespace", "allowed"), [("shop", True), ("other", False)])
def test_an_exemption_in_a_namespace_reaches_only_that(namespace: str, allowed: bool) -> None:
    decision = judge(*policy(), exemption("strict", namespace=namespace))
    assert decision.allowed is allowed
    assert only(decision).exemption == (f"{namespace}/legacy" if allowed else None)


def test_an_exemption_in_a_namespace_does_not_reach_the_namespace_itself() -> None:
    document = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
    asked = request(document, kind=("", "v1", "Namespace"), resource="namespaces", name="shop")
    assert not judge(*policy(), exemption("strict", namespace="shop"), asked=asked).allowed
    assert judge(*policy(), exemption("strict"), asked=asked).allowed


def test_one_that_is_over_lets_nobody_off_and_is_named() -> None:
    decision = judge(*policy(), exemption("strict", expiresAt=PAST))
    assert not decision.allowed
    assert decision.expired_exemptions == ("legacy",)
    assert judge(*policy(), exemption("strict", expiresAt=FUTURE)).allowed


@pytest.mark.parametrize(("expiry", "now"), [(FUTURE, None), ("tomorrow", NOW)])
def test_where_nobody_knows_whether_it_is_over_it_is(expiry: str, now: float | None) -> None:
    assert not judge(*policy(), exemption("strict", expiresAt=expiry), now=now).allowed


def test_one_that_is_over_is_not_named_where_it_would_not_have_applied() -> None:
    decision = judge(*policy(), exemption("strict", namespace="other", expiresAt=PAST))
    assert decision.expired_exemptions == ()


def test_a_policy_may_refuse_exemptions() -> None:
    refusing = policy(annotations={"admission.dev/exemptable": "false"})
    assert not judge(*refusing, exemption("strict")).allowed


@pytest.mark.parametrize(
    ("paths", "allowed"),
    [
        (["spec.containers[*].image"], True),
        (["spec.containers[0].image"], False),
        (["spec.containers[0].image", "spec.containers[name=log]"], True),
        (["spec.volumes"], False),
        (["not a path"], False),
    ],
)
def test_paths_let_off_only_what_holds_without_them(paths: list[str], allowed: bool) -> None:
    assert judge(*policy(NO_IMAGES), exemption("strict", paths=paths)).allowed is allowed


def test_paths_do_not_reach_errors_of_the_policy_as_a_whole() -> None:
    conditions = [{"name": "broken", "expression": "object.nothing == 1"}]
    spec = policy(NO_IMAGES, matchConditions=conditions)
    assert not judge(*spec, exemption("strict", paths=["spec"])).allowed
    assert judge(*spec, exemption("strict")).allowed


@pytest.mark.parametrize(
    ("match", "paths", "allowed"),
    [
        ("pods", None, True),
        ("deployments", None, True),
        ("jobs", None, False),
        ("pods", ["spec.containers[*].image"], True),
        ("pods", ["spec.template.spec.containers[*].image"], True),
        ("pods", ["spec.template.spec.containers[0].image"], False),
    ],
)
def test_a_pod_template_is_let_off_like_a_pod(match: str, paths: list[str] | None, allowed: bool) -> None:
    rule = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["pods"]}
    spec = policy(
        NO_IMAGES,
        matchConstraints={"resourceRules": [rule]},
        annotations={"admission.dev/pod-templates": "true"},
    )
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"template": {"spec": POD["spec"]}},
    }
    asked = request(deployment, kind=("apps", "v1", "Deployment"), resource="deployments")
    own: Object = {"paths": paths} if paths is not None else {}
    let = exemption("strict", matchResources={"resourceRules": [{**rule, "resources": [match]}]}, **own)
    assert judge(*spec, asked=asked).allowed is False
    assert judge(*spec, let, asked=asked).allowed is allowed


def test_every_use_is_in_the_audit_event() -> None:
    asked = request()
    decision = judge(*policy(), exemption("strict"), exemption("strict", name="a", expiresAt=PAST))
    made = event(decision, asked, time=NOW, latency=0.0, phase="validate", policy_set="x", audit_only=False)
    assert made["decision"] == "allowed"
    assert [(one["outcome"], one["actions"], one["exemption"]) for one in made["findings"]] == [("FAIL", [], "legacy")]
    assert made["expired_exemptions"] == ["a"]
