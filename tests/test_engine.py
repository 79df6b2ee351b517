"""The engine: order of things, errors of configuration, facts, questions, time, audit-only, both phases."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from admission.authorization import AuthorizationRules
from admission.cel.authorization import AuthorizationAnswer, AuthorizationAttributes
from admission.decision import Decision, Outcome
from admission.engine import LARGE_BYTES
from admission.facts import FileFacts, Missing
from admission.policy import Action
from tests.judging import NAMESPACE, POD, Object, bound, config_map, engine, request, validate, validating

T = TypeVar("T")


def outcomes(decision: Decision) -> list[tuple[str, str, str]]:
    return [(finding.policy, finding.binding, finding.outcome.value) for finding in decision.findings]


def denial(decision: Decision) -> str:
    assert decision.status is not None
    return decision.status.message


# order


def test_findings_come_in_order_of_policy_binding_param_and_validation() -> None:
    kind = {"apiVersion": "v1", "kind": "ConfigMap"}
    every = {"selector": {}, "parameterNotFoundAction": "Deny"}
    policies = [
        validating("b", "false", "params.data.v == 'x'", paramKind=kind),
        bound("b", "Deny", name="z", paramRef=every),
        bound("b", "Deny", name="y", paramRef=every),
        validating("a", "false"),
        bound("a", "Deny"),
    ]
    facts = FileFacts([NAMESPACE, config_map("two", v="2"), config_map("one", v="1")])
    decision = validate(policies, facts=facts)
    assert [(item.policy, item.binding, item.param, item.index) for item in decision.findings] == [
        ("a", "a-binding", None, 0),
        ("b", "y", "one", 0),
        ("b", "y", "one", 1),
        ("b", "y", "two", 0),
        ("b", "y", "two", 1),
        ("b", "z", "one", 0),
        ("b", "z", "one", 1),
        ("b", "z", "two", 0),
        ("b", "z", "two", 1),
    ]
    assert decision.status is not None
    assert decision.status.details is not None
    assert len(decision.status.details["causes"]) == 9


def test_a_request_that_no_policy_concerns_is_allowed_without_a_finding() -> None:
    assert validate([validating("p", "false")]) == Decision(allowed=True)
    assert validate([]) == Decision(allowed=True)


def test_actions_are_those_of_the_binding() -> None:
    policies = [validating("p", "false"), bound("p", "Warn", name="w"), bound("p", "Audit", name="a")]
    decision = validate(policies)
    assert decision.allowed
    assert [finding.actions for finding in decision.findings] == [(Action.AUDIT,), (Action.WARN,)]
    assert len(decision.warnings) == 1
    assert "validation_failure" in decision.audit_annotations


# configuration


def test_an_error_of_configuration_denies_whatever_the_actions_are() -> None:
    policy = validating("p", "true", paramKind={"apiVersion": "v1", "kind": "ConfigMap"})
    reference = {"name": "gone", "parameterNotFoundAction": "Deny"}
    decision = validate([policy, bound("p", "Audit", paramRef=reference)])
    assert denial(decision) == (
        "ValidatingAdmissionPolicy 'p' with binding 'p-binding' denied request: failed to configure binding: "
        "no params found for policy binding with `Deny` parameterNotFoundAction"
    )
    assert decision.audit_annotations == {}
    ignoring = {**policy, "spec": {**policy["spec"], "failurePolicy": "Ignore"}}
    ignored = validate([ignoring, bound("p", "Deny", paramRef=reference)])
    assert ignored.allowed
    assert [finding.actions for finding in ignored.findings] == [()]


def test_an_unknown_param_kind_is_an_error_of_the_policy() -> None:
    policy = validating("p", "true", paramKind={"apiVersion": "foo.io/v1", "kind": "Bar"})
    decision = validate([policy, bound("p", "Deny")])
    assert denial(decision) == (
        "ValidatingAdmissionPolicy 'p' denied request: failed to configure policy: "
        "failed to find resource referenced by paramKind: 'foo.io/v1, Kind=Bar'"
    )


def test_a_binding_whose_params_are_allowed_to_be_missing_is_not_evaluated() -> None:
    policy = validating("p", "false", paramKind={"apiVersion": "v1", "kind": "ConfigMap"})
    reference = {"name": "gone", "parameterNotFoundAction": "Allow"}
    decision = validate([policy, bound("p", "Deny", paramRef=reference)])
    assert decision.allowed
    assert [finding.outcome for finding in decision.findings] == [Outcome.SKIP]
    assert not validate([policy, bound("p", "Deny", paramRef=reference)], facts=FileFacts(strict=True)).allowed


def test_a_policy_that_matches_only_another_version_cannot_be_evaluated() -> None:
    rules = [
        {
            "apiGroups": ["autoscaling"],
            "apiVersions": ["v1"],
            "operations": ["*"],
            "resources": ["horizontalpodautoscalers"],
        }
    ]
    policy = validating("p", "true", matchConstraints={"resourceRules": rules})
    kind = ("autoscaling", "v2", "HorizontalPodAutoscaler")
    asked = request(POD, kind=kind, resource="horizontalpodautoscalers")
    assert denial(validate([policy, bound("p", "Warn")], asked)).endswith(
        "failed to configure binding: failed to convert object version: cannot convert "
        "autoscaling/v2, Kind=HorizontalPodAutoscaler to autoscaling/v1, Kind=HorizontalPodAutoscaler"
    )


# namespaces


def test_a_namespace_that_is_not_there_fails_the_request_whatever_failure_policy_says() -> None:
    policies = [validating("p", "true", failurePolicy="Ignore"), bound("p", "Deny")]
    decision = validate(policies, facts=FileFacts(strict=True))
    assert decision.status is not None
    assert (decision.status.code, decision.status.reason, decision.status.message) == (
        404,
        "NotFound",
        'namespaces "shop" not found',
    )


def test_a_namespace_itself_needs_no_live_namespace() -> None:
    namespace = {**NAMESPACE, "metadata": {"name": "new"}}
    asked = request(namespace, kind=("", "v1", "Namespace"), resource="namespaces", name="new", namespace="new")
    policies = [validating("p", "namespaceObject == null && request.namespace == 'new'"), bound("p", "Deny")]
    assert validate(policies, asked, FileFacts(strict=True)).allowed


def test_cluster_scoped_objects_have_no_namespace_object() -> None:
    node: Object = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}
    asked = request(node, kind=("", "v1", "Node"), resource="nodes", name="n", namespace="")
    policies = [validating("p", "namespaceObject == null && !has(request.namespace)"), bound("p", "Deny")]
    assert validate(policies, asked, FileFacts(strict=True)).allowed


def test_only_some_fields_of_a_namespace_are_shown() -> None:
    namespace: Object = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": "shop",
            "uid": "1",
            "annotations": {},
            "generation": 0,
            "deletionGracePeriodSeconds": 0,
            "managedFields": [{}],
            "ownerReferences": [{}],
        },
        "spec": {"finalizers": ["kubernetes"], "other": 1},
        "status": {"phase": "Active", "conditions": [{"type": "A", "status": "True", "message": ""}]},
    }
    facts = FileFacts([namespace])
    for text in (
        "!has(dyn(namespaceObject).metadata.managedFields) && !has(dyn(namespaceObject).metadata.ownerReferences)",
        "!has(namespaceObject.metadata.annotations) && !has(namespaceObject.metadata.generation)",
        "namespaceObject.metadata.deletionGracePeriodSeconds == 0 && !has(dyn(namespaceObject).spec.other)",
        "namespaceObject.status.conditions[0].type == 'A' && !has(namespaceObject.status.conditions[0].message)",
        "!has(dyn(namespaceObject).kind) && namespaceObject.spec.finalizers == ['kubernetes']",
    ):
        assert validate([validating("p", text), bound("p", "Deny")], facts=facts).allowed, text


# questions


class Authority(FileFacts):
    """Facts that count how often the authorizer is asked."""

    __slots__ = ("asked", "rules")

    def __init__(self, rules: list[dict[str, str]] | None) -> None:
        super().__init__([NAMESPACE])
        self.rules = AuthorizationRules.parse(rules) if rules is not None else None
        self.asked: list[AuthorizationAttributes] = []

    async def authorize(self, attributes: AuthorizationAttributes) -> AuthorizationAnswer | Missing:
        self.asked.append(attributes)
        if self.rules is None:
            return Missing("nobody to ask")
        return self.rules.answer(attributes)


def ask(verb: str) -> str:
    return f"authorizer.group('').resource('pods').check('{verb}').allowed()"


def test_questions_of_all_policies_are_answered_at_once_and_each_only_once() -> None:
    facts = Authority([{"user": "ann"}])
    policies = [
        validating("a", ask("get"), ask("list")),
        bound("a", "Deny"),
        validating("b", ask("get"), ask("watch")),
        bound("b", "Deny"),
    ]
    assert validate(policies, facts=facts).allowed
    assert sorted(item.verb for item in facts.asked) == ["get", "list", "watch"]
    assert {item.user for item in facts.asked} == {"ann"}


def test_an_answer_may_lead_to_the_next_question() -> None:
    facts = Authority([{"user": "ann"}])
    policies = [validating("p", f"{ask('get')} ? {ask('list')} : false"), bound("p", "Deny")]
    assert validate(policies, facts=facts).allowed
    assert [item.verb for item in facts.asked] == ["get", "list"]


def test_who_never_stops_asking_gets_an_error() -> None:
    facts = Authority([{"user": "ann"}])
    variables = [{"name": "v0", "expression": ask("v0")}]
    for number in range(1, 6):
        text = f"variables.v{number - 1} ? {ask(f'v{number}')} : false"
        variables.append({"name": f"v{number}", "expression": text})
    policies = [validating("p", "variables.v5 || true", variables=variables), bound("p", "Deny")]
    decision = validate(policies, facts=facts)
    assert "the authorizer was asked for more than 4 rounds" in denial(decision)
    assert len(facts.asked) == 4


def test_no_answer_is_an_error_and_never_an_allow() -> None:
    decision = validate([validating("p", ask("get")), bound("p", "Deny")], facts=Authority(None))
    assert denial(decision).endswith("resulted in error: nobody to ask")
    assert validate([validating("p", f"{ask('get')} || true"), bound("p", "Deny")], facts=Authority(None)).allowed


def test_the_resource_of_the_request_can_be_asked_about() -> None:
    facts = Authority([{"resource": "pods", "subresource": "exec", "namespace": "shop", "name": "web"}])
    asked = request(None, operation="CONNECT", sub_resource="exec")
    policies = [validating("p", "authorizer.requestResource.check('connect').allowed()"), bound("p", "Deny")]
    assert validate(policies, asked, facts).allowed


# time


class Clock:
    """A clock that goes on by a step each time somebody looks."""

    def __init__(self, step: float) -> None:
        self.now = 0.0
        self.step = step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


LOOP = f"{list(range(150))}.all(x, {list(range(150))}.all(y, x >= 0 && y >= 0))"


@pytest.mark.parametrize(("policy", "allowed"), [("Fail", False), ("Ignore", True)])
def test_a_passed_deadline_is_an_error_under_failure_policy(policy: str, allowed: bool) -> None:
    judge = engine([validating("p", LOOP, failurePolicy=policy), bound("p", "Deny")], clock=Clock(1.0))
    decision = asyncio.run(judge.validate(request(), deadline=2.0))
    assert decision.allowed is allowed
    assert decision.findings[0].outcome is Outcome.ERROR
    assert "deadline" in decision.findings[0].message


class Elsewhere:
    """An offload that runs things where it is called, and counts them."""

    def __init__(self) -> None:
        self.works = 0

    def __call__(self, work: Callable[[], T], /) -> Awaitable[T]:
        self.works += 1

        async def later() -> T:
            await asyncio.sleep(0)
            return work()

        return later()


def test_a_review_that_takes_long_is_moved_off_the_event_loop() -> None:
    elsewhere = Elsewhere()
    judge = engine([validating("p", LOOP), bound("p", "Deny")], clock=Clock(1.0), offload=elsewhere)
    assert asyncio.run(judge.validate(request())).allowed
    assert elsewhere.works == 1


def test_a_short_review_stays_on_the_event_loop_and_a_large_one_never_comes_there() -> None:
    elsewhere = Elsewhere()
    judge = engine([validating("p", "true"), bound("p", "Deny")], offload=elsewhere)
    assert asyncio.run(judge.validate(request())).allowed
    assert elsewhere.works == 0
    assert asyncio.run(judge.validate(request(size=LARGE_BYTES))).allowed
    assert elsewhere.works == 1


# audit-only


def test_audit_only_says_what_would_have_happened_and_allows() -> None:
    decision = validate([validating("p", "false"), bound("p", "Deny", "Audit")], audit_only=True)
    assert decision.audit_only
    assert not decision.allowed
    assert decision.status is not None
    response = decision.response("u")
    assert response.allowed
    assert response.status is None
    assert "validation_failure" in response.audit_annotations


def test_audit_only_marks_every_decision() -> None:
    assert validate([], audit_only=True).audit_only
    policies = [validating("p", "true"), bound("p", "Deny")]
    assert validate(policies, facts=FileFacts(strict=True), audit_only=True).audit_only


# requests


def test_request_shows_what_upstream_shows() -> None:
    asked = replace(request(sub_resource="scale", options={"kind": "CreateOptions"}), dry_run=True)
    for text in (
        "request.subResource == 'scale' && request.requestSubResource == 'scale'",
        "request.kind.kind == 'Pod' && request.resource.resource == 'pods' && request.kind.group == ''",
        "request.name == 'web' && request.namespace == 'shop' && request.operation == 'CREATE'",
        "request.userInfo.username == 'ann' && request.userInfo.groups == ['dev']",
        "!has(request.userInfo.uid) && !has(request.userInfo.extra)",
        "request.dryRun && request.options.kind == 'CreateOptions'",
    ):
        assert validate([validating("p", text), bound("p", "Deny")], asked).allowed, text
    plain = [validating("p", "!has(request.subResource) && has(request.options)"), bound("p", "Deny")]
    assert validate(plain).allowed


def test_objects_are_never_changed() -> None:
    before = copy.deepcopy(POD)
    validate([validating("p", "object.spec.containers.map(c, c.name).size() == 2"), bound("p", "Deny")])
    assert before == POD


def test_the_same_request_gets_the_same_decision() -> None:
    policies: list[Any] = []
    for number in range(5):
        policies += [validating(f"p{number}", "object.nope", "false"), bound(f"p{number}", "Deny", "Audit")]
    assert validate(policies) == validate(reversed(policies))
