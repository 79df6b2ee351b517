from __future__ import annotations

from typing import Any

from admission.audit.masking import Masking
from admission.decision import Decision, Finding, Outcome, decide_mutation, decide_validation, refuse
from admission.policy import Action, Expression, PolicySet, ValidatingPolicy, Validation
from admission.review import AdmissionRequest, GroupVersionKind, GroupVersionResource, Operation, Status

POD = GroupVersionKind("", "v1", "Pod")
PODS = GroupVersionResource("", "v1", "pods")
MASKING = Masking(
    PolicySet.of(
        [ValidatingPolicy(name="p", validations=(Validation(Expression("a == b"), message="the default is wrong"),))],
        [],
    )
)


def request(value: str) -> AdmissionRequest:
    item = {"spec": {"containers": [{"env": [{"name": "A", "value": value}]}]}}
    return AdmissionRequest("u", POD, PODS, POD, PODS, Operation.CREATE, object=item)


def finding(message: str, *actions: Action, **changes: Any) -> Finding:
    values: dict[str, Any] = {"outcome": Outcome.FAIL, "reason": "Invalid", "code": 422, "path": "spec"}
    return Finding("p", "b", actions=actions, message=message, **(values | changes))


def texts(decision: Decision) -> str:
    return repr((decision.findings, decision.status, decision.warnings, decision.audit_annotations))


def test_every_text_that_comes_of_a_finding_is_masked() -> None:
    asked = request("canary")
    findings = [finding("a canary", Action.DENY, Action.AUDIT), finding("another canary", Action.WARN)]
    decision = decide_validation(findings, asked, {"p/key": "key canary"})
    masked = MASKING.masked(decision, asked)
    assert "canary" in texts(decision)
    assert "canary" not in texts(masked)
    assert masked.status is not None
    assert masked.status.message == "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: a ***"
    assert masked.status.details is not None
    assert masked.status.details["causes"][0]["field"] == "spec"
    assert masked.policy_annotations == {"p/key": "key ***"}
    assert masked.allowed is False


def test_messages_that_stand_in_a_policy_are_left_alone() -> None:
    asked = request("default")
    decision = decide_validation([finding("the default is wrong", Action.DENY)], asked, {})
    assert MASKING.masked(decision, asked) is decision
    mixed = decide_validation(
        [finding("the default is wrong", Action.DENY), finding("a default", Action.DENY)], asked, {}
    )
    assert [item.message for item in MASKING.masked(mixed, asked).findings] == ["the default is wrong", "a ***"]


def test_errors_of_mutations_are_masked() -> None:
    asked = request("canary")
    error = finding("broken at canary", Action.DENY, outcome=Outcome.ERROR, policy_kind="MutatingAdmissionPolicy")
    masked = MASKING.masked(decide_mutation([error], asked), asked)
    assert "canary" not in texts(masked)
    assert masked.status is not None
    assert masked.status.code == 403


def test_a_refusal_of_its_own_words_is_masked() -> None:
    asked = request("canary")
    masked = MASKING.masked(refuse((), Status(500, "InternalError", "cannot decode canary")), asked)
    assert masked.status == Status(500, "InternalError", "cannot decode ***")


def test_a_value_that_a_mutation_adds_counts_too() -> None:
    asked = request("other")
    changed = {"spec": {"containers": [{"env": [{"name": "A", "value": "canary"}]}]}}
    decision = Decision(allowed=True, findings=(finding("has canary"),), object=changed)
    assert MASKING.masked(decision, asked).findings[0].message == "has ***"


def test_a_patch_is_never_changed() -> None:
    asked = request("canary")
    patch = ({"op": "add", "path": "/x", "value": "canary"},)
    decision = Decision(allowed=True, findings=(finding("a canary"),), patch=patch)
    assert MASKING.masked(decision, asked).patch == patch
