"""The validating phase: match conditions, verdicts, messages, budgets, audit annotations, paths."""

from __future__ import annotations

import json
from typing import Any

import pytest

from admission.decision import Decision, Finding, Outcome
from admission.facts import FileFacts
from admission.policy import Action
from admission.review import AdmissionRequest
from tests.judging import POD, Object, bound, config_map, request, validate, validating

COSTLY = "object.text.contains(object.text)"
"""Costs a little less than one expression may, with a long text."""

LONG = {**POD, "text": "a" * 9_800}
TOO_LONG = {**POD, "text": "a" * 12_000}


def judge(*validations: Object | str, asked: AdmissionRequest | None = None, **spec: Any) -> Decision:
    return validate([validating("p", *validations, **spec), bound("p", "Deny")], asked)


def message(decision: Decision) -> str:
    assert decision.status is not None
    prefix = "ValidatingAdmissionPolicy 'p' with binding 'p-binding' denied request: "
    assert decision.status.message.startswith(prefix)
    return decision.status.message.removeprefix(prefix)


def only(decision: Decision) -> Finding:
    (finding,) = decision.findings
    return finding


# verdicts


def test_what_holds_is_one_finding_that_does_nothing() -> None:
    decision = judge("true", "object.metadata.name == 'web'")
    assert decision.allowed
    assert only(decision) == Finding(
        "p", "p-binding", severity="medium", outcome=Outcome.PASS, policy_kind="ValidatingAdmissionPolicy"
    )


def test_what_does_not_hold_denies_with_its_index_and_reason() -> None:
    decision = judge("true", {"expression": "false", "message": "no", "reason": "Forbidden"})
    finding = only(decision)
    assert (finding.outcome, finding.index, finding.message) == (Outcome.FAIL, 1, "no")
    assert (finding.reason, finding.code, finding.actions) == ("Forbidden", 403, (Action.DENY,))


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("", 422),
        ("Invalid", 422),
        ("Forbidden", 403),
        ("Unauthorized", 401),
        ("RequestEntityTooLarge", 413),
        ("x", 422),
    ],
)
def test_every_reason_has_its_code(reason: str, code: int) -> None:
    decision = judge({"expression": "false", "reason": reason} if reason else "false")
    assert decision.status is not None
    assert (decision.status.reason, decision.status.code) == (reason or "Invalid", code)


def test_an_error_denies_with_the_expression_as_written() -> None:
    assert message(judge(" object.nope == 1")) == "expression ' object.nope == 1' resulted in error: no such key: nope"


def test_an_ignored_error_does_nothing_but_a_false_validation_still_denies() -> None:
    decision = judge("object.nope == 1", failurePolicy="Ignore")
    assert decision.allowed
    assert (only(decision).outcome, only(decision).actions) == (Outcome.ERROR, ())
    assert message(judge("object.nope == 1", "1 == 2", failurePolicy="Ignore")) == "failed expression: 1 == 2"


def test_an_expression_that_does_not_compile_is_an_error_of_its_own() -> None:
    decision = judge("true", "1")
    assert message(decision) == "compilation error: must evaluate to bool but got int"
    assert [finding.index for finding in decision.findings] == [1]


def test_every_failing_validation_is_found() -> None:
    decision = judge("false", "true", "object.nope == 1", "1 > 2")
    assert [(finding.index, finding.outcome) for finding in decision.findings] == [
        (0, Outcome.FAIL),
        (2, Outcome.ERROR),
        (3, Outcome.FAIL),
    ]


# messages


@pytest.mark.parametrize(
    ("validation", "expected"),
    [
        ({"message": " plain \n"}, "plain"),
        ({"messageExpression": "'made of ' + object.metadata.name"}, "made of web"),
        ({"message": "plain", "messageExpression": "'  '"}, "plain"),
        ({"message": "plain", "messageExpression": "object.nope"}, "plain"),
        ({"message": "plain", "messageExpression": "'two\\nlines'"}, "plain"),
        ({"message": "plain", "messageExpression": "'end\\n'"}, "end"),
        ({"message": "plain", "messageExpression": "'a\\rb'"}, "a\rb"),
        ({"messageExpression": "authorizer.path('/x').check('get').reason()"}, "failed expression: 1 == 2"),
        ({}, "failed expression: 1 == 2"),
    ],
)
def test_the_message_falls_back_as_upstream(validation: Object, expected: str) -> None:
    assert message(judge({"expression": " 1 == 2 ", **validation})) == expected


@pytest.mark.parametrize(("length", "kept"), [(5_120, True), (5_121, False)])
def test_a_message_is_measured_in_bytes(length: int, kept: bool) -> None:
    text = "ä" * (length // 2) + "a" * (length % 2)
    asked = request({**POD, "text": text})
    made = judge({"expression": "false", "message": "plain", "messageExpression": "string(object.text)"}, asked=asked)
    assert message(made) == (text if kept else "plain")


def test_only_spaces_of_unicode_are_trimmed() -> None:
    text = "\\x1c a \\u00a0\\u3000"
    decision = judge({"expression": "false", "messageExpression": f"'{text}'"})
    assert message(decision) == "\x1c a"


# match conditions

BOTH_ERRORS = (
    "[expression 'object.nope == 1' resulted in error: no such key: nope, "
    "expression 'object.nop == 1' resulted in error: no such key: nop]"
)


@pytest.mark.parametrize(
    ("conditions", "policy", "expected"),
    [
        (["true"], "Fail", "failed expression: false"),
        (["true", "false"], "Fail", None),
        (["object.nope == 1", "false"], "Fail", None),
        (["object.nope == 1"], "Fail", "expression 'object.nope == 1' resulted in error: no such key: nope"),
        (["object.nope == 1"], "Ignore", None),
        (["object.nope == 1", "true", "object.nop == 1"], "Fail", BOTH_ERRORS),
        (["1"], "Fail", "compilation error: must evaluate to bool but got int"),
        (
            ["namespaceObject.metadata.name == 'shop'"],
            "Fail",
            "expression 'namespaceObject.metadata.name == 'shop'' resulted in error: no such key: metadata",
        ),
    ],
)
def test_match_conditions(conditions: list[str], policy: str, expected: str | None) -> None:
    named = [{"name": f"c{index}", "expression": text} for index, text in enumerate(conditions)]
    decision = judge("false", matchConditions=named, failurePolicy=policy)
    if expected is None:
        assert decision.allowed
        assert only(decision).outcome is Outcome.SKIP
    else:
        assert message(decision) == expected
        assert only(decision).index is None or expected == "failed expression: false"


def test_a_skipped_policy_says_which_condition_was_false() -> None:
    conditions = [{"name": "yes", "expression": "true"}, {"name": "not-exempt", "expression": "false"}]
    for validation in ("true", {"expression": "true", "messageExpression": "'m'"}):
        decision = judge(validation, matchConditions=conditions)
        assert only(decision).message == "match condition 'not-exempt' is false"


# variables


def test_variables_see_those_before_them_and_fail_only_where_they_are_used() -> None:
    variables = [
        {"name": "broken", "expression": "object.nope"},
        {"name": "one", "expression": "1"},
        {"name": "two", "expression": "variables.one + 1"},
    ]
    assert judge("variables.two == 2", variables=variables).allowed
    assert judge("variables.broken == 1 || true", variables=variables).allowed
    assert message(judge("variables.broken == 1", variables=variables)) == (
        "expression 'variables.broken == 1' resulted in error: "
        'composited variable "broken" fails to evaluate: no such key: nope'
    )


def test_match_conditions_see_variables_without_the_namespace() -> None:
    variables = [{"name": "env", "expression": "namespaceObject == null ? 'none' : 'some'"}]
    condition = [{"name": "c", "expression": "variables.env == 'none'"}]
    assert judge("variables.env == 'some'", variables=variables, matchConditions=condition).allowed


# budgets

OUT_OF_BUDGET = "validation failed due to running out of cost budget, no further validation rules will be run"


def test_one_expression_may_cost_a_million() -> None:
    decision = judge(COSTLY, asked=request(TOO_LONG))
    assert message(decision).endswith("resulted in error: operation cancelled: actual cost limit exceeded")


def test_cost_that_compiled_code_cannot_bound_is_counted_exactly() -> None:
    assert judge(*[COSTLY] * 10, asked=request(LONG)).allowed
    counted = f"{list(range(200))}.all(x, {list(range(200))}.all(y, x >= 0 && y >= 0))"
    assert judge(counted).allowed


def test_running_out_of_budget_voids_what_was_found_before() -> None:
    decision = judge("false", *[COSTLY] * 11, asked=request(LONG))
    assert message(decision) == OUT_OF_BUDGET
    assert only(decision).index is None
    assert judge("false", *[COSTLY] * 11, asked=request(LONG), failurePolicy="Ignore").allowed


def test_messages_share_the_budget_also_those_of_validations_that_hold() -> None:
    costly = {"expression": COSTLY, "messageExpression": f"{COSTLY} ? 'a' : 'b'"}
    decision = judge(*[costly] * 6, asked=request(LONG))
    assert message(decision) == f"failed messageExpression: {OUT_OF_BUDGET}"
    assert judge(*[costly] * 5, asked=request(LONG)).allowed


def test_a_variable_is_paid_for_once_where_it_is_first_used() -> None:
    variables = [{"name": "costly", "expression": COSTLY}]
    assert judge(*["variables.costly"] * 40, variables=variables, asked=request(LONG)).allowed
    many = [{"name": f"v{index}", "expression": COSTLY} for index in range(11)]
    uses = [f"variables.v{index}" for index in range(11)]
    assert message(judge(*uses, variables=many, asked=request(LONG))) == OUT_OF_BUDGET


def test_match_conditions_have_a_budget_of_their_own() -> None:
    conditions = [{"name": f"c{index}", "expression": COSTLY} for index in range(3)]
    assert message(judge("true", matchConditions=conditions, asked=request(LONG))) == OUT_OF_BUDGET
    assert judge("false", matchConditions=conditions, failurePolicy="Ignore", asked=request(LONG)).allowed
    assert judge("true", matchConditions=conditions[:2], asked=request(LONG)).allowed


# audit annotations


def annotated(*values: str, **spec: Any) -> Decision:
    annotations = [{"key": f"k{index}", "valueExpression": text} for index, text in enumerate(values)]
    return validate([validating("p", auditAnnotations=annotations, **spec), bound("p", "Audit")])


def published(decision: Decision) -> dict[str, str]:
    found: dict[str, str] = json.loads(decision.audit_annotations.get("audit_annotations", "{}"))
    return found


def test_blank_and_null_annotations_are_left_out() -> None:
    decision = annotated("' a '", "'  '", "null", "object.metadata.name == 'x' ? 'a' : ''")
    assert decision.allowed
    assert published(decision) == {"p/k0": "a"}


def test_an_annotation_that_fails_denies_whatever_the_actions_are() -> None:
    decision = annotated("'ok'", "string(object.nope)")
    assert not decision.allowed
    assert published(decision) == {"p/k0": "ok"}
    assert decision.findings[-1].actions == (Action.DENY,)
    assert annotated("string(object.nope)", failurePolicy="Ignore").allowed


def test_annotations_cannot_ask_the_authorizer_although_they_compile() -> None:
    decision = annotated("string(authorizer.path('/x').check('get').allowed())")
    assert decision.status is not None
    assert decision.status.message.endswith("resulted in error: no such attribute(s): authorizer")


def test_a_long_annotation_is_cut_by_bytes() -> None:
    annotations = [{"key": "k", "valueExpression": "string(object.text)"}]
    asked = request({**POD, "text": "ä" * 6_000})
    decision = validate([validating("p", auditAnnotations=annotations), bound("p", "Deny")], asked)
    assert published(decision) == {"p/k": "ä" * 5_120}
    asked = request({**POD, "text": "a" + "ä" * 6_000})
    decision = validate([validating("p", auditAnnotations=annotations), bound("p", "Deny")], asked)
    assert published(decision) == {"p/k": "a" + "ä" * 5_119 + "\ufffd"}


def test_values_of_several_params_are_joined_and_equal_ones_taken_once() -> None:
    policy = validating(
        "p",
        paramKind={"apiVersion": "v1", "kind": "ConfigMap"},
        auditAnnotations=[
            {"key": "each", "valueExpression": "string(params.data.v)"},
            {"key": "same", "valueExpression": "'s'"},
        ],
    )
    reference = {"selector": {}, "parameterNotFoundAction": "Deny"}
    facts = FileFacts([config_map("b", v="2"), config_map("a", v="1"), config_map("c", v="2")])
    decision = validate([policy, bound("p", "Audit", paramRef=reference)], facts=facts)
    assert published(decision) == {"p/each": "1, 2", "p/same": "s"}


def test_out_of_budget_annotations_void_the_verdicts() -> None:
    annotations = [{"key": f"k{index}", "valueExpression": f"{COSTLY} ? 'a' : 'b'"} for index in range(11)]
    policy = validating("p", "false", auditAnnotations=annotations)
    decision = validate([policy, bound("p", "Deny")], request(LONG))
    assert message(decision) == OUT_OF_BUDGET
    assert "audit_annotations" not in decision.audit_annotations


# paths


def test_a_finding_says_where_in_the_object() -> None:
    privileged = {"name": "shell", "image": "sh", "securityContext": {"privileged": True}}
    asked = request({**POD, "spec": {"containers": [*POD["spec"]["containers"], privileged]}})
    decision = judge("object.spec.containers.all(c, !(c.?securityContext.?privileged.orValue(false)))", asked=asked)
    assert only(decision).path == "spec.containers[2].securityContext.privileged"
    assert decision.status is not None
    assert decision.status.details is not None
    assert decision.status.details["causes"][0]["field"] == "spec.containers[2].securityContext.privileged"


def test_a_finding_about_a_template_points_into_the_controller() -> None:
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"template": {"metadata": {"labels": {"a": "b"}}, "spec": POD["spec"]}},
    }
    asked = request(deployment, kind=("apps", "v1", "Deployment"), resource="deployments")
    policy = validating(
        "p",
        "object.kind == 'Pod' && request.kind.kind == 'Deployment' && object.metadata.namespace == 'shop'",
        "object.spec.containers.all(c, c.image != 'log:2')",
        matchConstraints={
            "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["*"], "resources": ["pods"]}]
        },
        annotations={"admission.dev/pod-templates": "true"},
    )
    decision = validate([policy, bound("p", "Deny")], asked)
    assert only(decision).path == "spec.template.spec.containers[1].image"
    softened = bound("p", "Deny", annotations={"admission.dev/pod-template-actions": "Warn,Audit"})
    softer = validate([policy, softened], asked)
    assert softer.allowed
    assert only(softer).actions == (Action.WARN, Action.AUDIT)
    assert len(softer.warnings) == 1
    assert not validate([policy, softened], request()).allowed


def test_deep_objects_do_not_break_anything() -> None:
    deep: Object = {}
    for _ in range(5_000):
        deep = {"a": deep}
    asked = request({**POD, "deep": deep}, operation="UPDATE", old={**POD, "deep": deep})
    decision = judge("object == oldObject", asked=asked)
    assert decision.allowed or "nested too deeply" in message(decision)
    assert judge("object.metadata.name == 'web'", asked=asked).allowed
